// Package paper writes PDF files: pages of text, lines and images, subset
// fonts, links, attachments, and on request the structure of PDF/A-3b.
//
// Lengths are in points, y grows downwards from the top of the page. The same
// calls give the same bytes: nothing is taken from the clock or at random.
package paper
