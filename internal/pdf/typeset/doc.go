// Package typeset turns text in any script into lines of positioned glyphs.
//
// A [Library] holds the parsed fonts and is shared by everyone; a [Setter] sets
// text and serves one document at a time. Lengths are in points unless a
// comment says otherwise.
package typeset
