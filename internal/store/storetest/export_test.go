//go:build unix

package storetest

// HideEngine makes the machine look as if it had no PostgreSQL outside PATH.
func HideEngine() { debianFolders = "" }
