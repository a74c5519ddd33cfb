// Package mail renders the notices that customers and operators get, and hands
// them to an SMTP server.
//
// Rendering is a function of the message alone: no clock, no store, no network.
// The texts are templates in this package, in several languages; any of them can
// be replaced by files, which are checked when they are loaded.
package mail
