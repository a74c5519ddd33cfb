//go:build !unix

package storetest

func startCluster() (*cluster, error) { return nil, errNoEngine }
