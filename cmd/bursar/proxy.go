package main

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// behind names the client in a request's RemoteAddr where a trusted proxy has passed
// the request on: the last address of X-Forwarded-For that is not a trusted proxy's.
// What stands before it anybody may have written.
func behind(proxies []netip.Prefix, next http.Handler) http.Handler {
	if len(proxies) == 0 {
		return next
	}
	trusted := func(a netip.Addr) bool {
		return slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(a) })
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
		client, ok := hop(r.RemoteAddr)
		for at := len(hops) - 1; ok && at >= 0 && trusted(client.Addr()); at-- {
			before, readable := hop(strings.TrimSpace(hops[at]))
			if !readable {
				break
			}
			client = before
		}
		if ok {
			r.RemoteAddr = client.String() // of a request that nobody else has
		}
		next.ServeHTTP(w, r)
	})
}

// hop is an address of X-Forwarded-For: proxies write it with a port and without.
func hop(text string) (netip.AddrPort, bool) {
	at, err := netip.ParseAddrPort(text)
	if err != nil {
		a, err := netip.ParseAddr(strings.Trim(text, "[]"))
		if err != nil {
			return at, false
		}
		at = netip.AddrPortFrom(a, 0)
	}
	return netip.AddrPortFrom(at.Addr().Unmap().WithZone(""), at.Port()), true
}
