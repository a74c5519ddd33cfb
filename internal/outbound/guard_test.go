package outbound_test

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/bursarhq/bursar/internal/outbound"
)

// TestGuard is every form of an address that is not the public internet's, and some
// beside them that are. never is refused whatever is allowed.
func TestGuard(t *testing.T) {
	const (
		public  = "public"
		private = "private" // allowed by AllowPrivate
		never   = "never"
	)
	for _, test := range []struct{ kind, addr, why string }{
		{public, "1.1.1.1", ""},
		{public, "93.184.215.14", ""},
		{public, "9.255.255.255", "below 10/8"},
		{public, "11.0.0.0", "above 10/8"},
		{public, "100.63.255.255", "below 100.64/10"},
		{public, "100.128.0.0", "above 100.64/10"},
		{public, "126.255.255.255", "below loopback"},
		{public, "128.0.0.1", "above loopback"},
		{public, "169.253.255.255", "below link-local"},
		{public, "169.255.0.0", "above link-local"},
		{public, "172.15.255.255", "below 172.16/12"},
		{public, "172.32.0.0", "above 172.16/12"},
		{public, "192.167.255.255", "below 192.168/16"},
		{public, "192.169.0.0", "above 192.168/16"},
		{public, "198.17.255.255", "below the benchmarks' range"},
		{public, "198.20.0.0", "above the benchmarks' range"},
		{public, "223.255.255.255", "below multicast"},
		{public, "::ffff:1.1.1.1", "mapped"},
		{public, "2606:4700:4700::1111", ""},
		{public, "2a00:1450:4001:81b::200e", ""},
		{public, "2001:200::1", "above 2001::/23"},
		{public, "2001:db9::1", "above documentation"},
		{public, "2003::1", "above 6to4"},
		{public, "3ffe:ffff::1", "below the second documentation range"},

		{private, "127.0.0.1", "loopback"},
		{private, "127.255.255.254", "loopback"},
		{private, "10.0.0.0", "RFC 1918"},
		{private, "10.255.255.255", "RFC 1918"},
		{private, "172.16.0.1", "RFC 1918"},
		{private, "172.31.255.255", "RFC 1918"},
		{private, "192.168.0.1", "RFC 1918"},
		{private, "192.168.255.255", "RFC 1918"},
		{private, "100.64.0.1", "shared, RFC 6598"},
		{private, "100.127.255.255", "shared, RFC 6598"},
		{private, "::1", "loopback"},
		{private, "fc00::1", "unique local"},
		{private, "fdff:ffff::1", "unique local"},
		{private, "::ffff:127.0.0.1", "mapped loopback"},
		{private, "::ffff:7f00:1", "mapped loopback, hexadecimal"},
		{private, "::ffff:10.1.2.3", "mapped RFC 1918"},
		{private, "0:0:0:0:0:ffff:c0a8:1", "mapped RFC 1918, spelled out"},

		{never, "169.254.169.254", "metadata"},
		{never, "169.254.170.2", "metadata of containers"},
		{never, "::ffff:169.254.169.254", "metadata, mapped"},
		{never, "::ffff:a9fe:a9fe", "metadata, mapped, hexadecimal"},
		{never, "fd00:ec2::254", "metadata on AWS"},
		{never, "fd00:ec2::23", "credentials of AWS's pods"},
		{never, "fd20:ce::254", "metadata on Google"},
		{never, "fd00:42::42", "metadata on Scaleway"},
		{never, "100.100.100.200", "metadata on Alibaba"},
		{never, "192.0.0.192", "metadata on Oracle"},
		{never, "168.63.129.16", "Azure's wire server"},
		{never, "::ffff:168.63.129.16", "Azure's wire server, mapped"},
		{never, "169.254.0.1", "link-local"},
		{never, "169.254.255.255", "link-local"},
		{never, "fe80::1", "link-local"},
		{never, "fe80::1%eth0", "link-local with a zone"},
		{never, "febf:ffff::1", "link-local"},
		{never, "::1%lo", "a zone"},
		{never, "2606:4700::1%eth0", "a zone"},
		{never, "0.0.0.0", "this host"},
		{never, "0.1.2.3", "this network"},
		{never, "::", "unspecified"},
		{never, "::ffff:0.0.0.0", "unspecified, mapped"},
		{never, "192.0.0.1", "IETF's"},
		{never, "192.0.2.1", "documentation"},
		{never, "198.51.100.1", "documentation"},
		{never, "203.0.113.1", "documentation"},
		{never, "192.31.196.1", "AS112"},
		{never, "192.175.48.1", "AS112"},
		{never, "192.52.193.1", "AMT"},
		{never, "192.88.99.1", "6to4 relays"},
		{never, "198.18.0.1", "benchmarks"},
		{never, "198.19.255.255", "benchmarks"},
		{never, "224.0.0.1", "multicast"},
		{never, "239.255.255.255", "multicast"},
		{never, "240.0.0.1", "reserved"},
		{never, "255.255.255.255", "broadcast"},
		{never, "::127.0.0.1", "IPv4-compatible"},
		{never, "::ffff:0:127.0.0.1", "IPv4-translated"},
		{never, "64:ff9b::a9fe:a9fe", "metadata by NAT64"},
		{never, "64:ff9b::101:101", "NAT64"},
		{never, "64:ff9b:1::a00:1", "local NAT64"},
		{never, "100::1", "discarded"},
		{never, "2001::1", "Teredo"},
		{never, "2001:2::1", "benchmarks"},
		{never, "2001:10::1", "ORCHID"},
		{never, "2001:20::1", "ORCHIDv2"},
		{never, "2001:db8::1", "documentation"},
		{never, "2002:7f00:1::", "loopback by 6to4"},
		{never, "2002:a9fe:a9fe::1", "metadata by 6to4"},
		{never, "2620:4f:8000::1", "AS112"},
		{never, "3fff::1", "documentation"},
		{never, "5f00::1", "segment routing"},
		{never, "4000::1", "not assigned"},
		{never, "fec0::1", "site-local"},
		{never, "ff02::1", "multicast"},
	} {
		addr := netip.MustParseAddr(test.addr)
		for _, g := range []outbound.Guard{{}, {AllowPrivate: true}} {
			allowed := test.kind == public || test.kind == private && g.AllowPrivate
			err := g.Check(addr)
			if (err == nil) != allowed || err != nil && !errors.Is(err, outbound.ErrRefused) {
				t.Errorf("%s (%s, %s), AllowPrivate %t: %v", test.addr, test.kind, test.why, g.AllowPrivate, err)
			}
		}
	}
	if err := (outbound.Guard{AllowPrivate: true}).Check(netip.Addr{}); !errors.Is(err, outbound.ErrRefused) {
		t.Errorf("no address: %v", err)
	}
}
