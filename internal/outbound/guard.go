package outbound

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"

	"code.dny.dev/ssrf"
)

// ErrRefused says that an address is none that webhooks go to.
var ErrRefused = errors.New("the address is not allowed")

// Guard decides which addresses may be connected to. It is asked with the address
// that a connection is about to be made to, after the name was resolved: a name can
// resolve to another address each time. The zero value is the strict one.
type Guard struct {
	// AllowPrivate also allows loopback and private addresses. Link-local addresses,
	// those of clouds' metadata services, and what is nobody's stay refused.
	AllowPrivate bool
}

// private is what AllowPrivate allows: loopback (RFC 1122, RFC 4291), private
// networks (RFC 1918, RFC 4193) and a carrier's shared space (RFC 6598).
var private = prefixes("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "::1/128", "fc00::/7")

// metadata are the addresses at which clouds tell a machine its credentials, as far
// as they lie in what may be allowed or in what is public.
var metadata = prefixes(
	"169.254.169.254/32", "169.254.170.2/32", // most clouds; containers on AWS
	"fd00:ec2::254/128", "fd00:ec2::23/128", // AWS
	"fd20:ce::254/128",   // Google
	"fd00:42::42/128",    // Scaleway
	"100.100.100.200/32", // Alibaba
	"192.0.0.192/32",     // Oracle, formerly
	"168.63.129.16/32",   // Azure's wire server, a public address
)

// public knows IANA's registries of what is not public.
var public = ssrf.New(ssrf.WithAnyPort(), ssrf.WithAnyNetwork())

func prefixes(texts ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(texts))
	for i, t := range texts {
		out[i] = netip.MustParsePrefix(t)
	}
	return out
}

func within(a netip.Addr, list []netip.Prefix) bool {
	for _, p := range list {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// Check returns nil if an address may be connected to, else ErrRefused wrapped.
func (g Guard) Check(a netip.Addr) error {
	seen := a
	// A zone names a link, whatever the address; an IPv4 address is what it is in
	// IPv6's spelling, too.
	if a.Zone() != "" {
		return fmt.Errorf("%w: %s is link-local", ErrRefused, seen)
	}
	a = a.Unmap()
	switch {
	case !a.IsValid():
		return fmt.Errorf("%w: it is none", ErrRefused)
	case within(a, metadata):
		return fmt.Errorf("%w: %s is a metadata service's", ErrRefused, seen)
	case within(a, private):
		if g.AllowPrivate {
			return nil
		}
		return fmt.Errorf("%w: %s is private; BURSAR_OUTBOUND_ALLOW_PRIVATE allows such", ErrRefused, seen)
	case a.IsLinkLocalUnicast():
		return fmt.Errorf("%w: %s is link-local", ErrRefused, seen)
	case public.SafeAddr(a) != nil:
		return fmt.Errorf("%w: %s is not public", ErrRefused, seen)
	}
	return nil
}

// control is what net.Dialer asks before it connects.
func (g Guard) control(network, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || (network != "tcp4" && network != "tcp6") {
		return fmt.Errorf("%w: %s %s", ErrRefused, network, address)
	}
	return g.Check(at.Addr())
}
