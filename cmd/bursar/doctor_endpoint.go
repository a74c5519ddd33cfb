package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"

	"github.com/bursarhq/bursar/internal/apply"
	"github.com/bursarhq/bursar/internal/stripe"
)

// These checks look at whom Stripe posts to.

// webhookPath is where the contract has Stripe post to.
const webhookPath = "/webhooks/stripe"

// site is an address of ours that Stripe is to post to.
type site struct {
	name    string // of the endpoint in the file; empty: the main one
	account string // whose events come there; empty: not said
	client  *stripe.Client
	posting []stripe.Answer // Stripe's endpoints that post there; enabled ones where there are
}

func (at *site) path() string {
	if at.name == "" {
		return webhookPath
	}
	return webhookPath + "/" + at.name
}

// says is a text about the site.
func (at *site) says(l level, text string) remark {
	if at.name != "" {
		text = at.name + ": " + text
	}
	return remark{l, text}
}

// remark is what a check finds about one of several things.
type remark struct {
	level level
	text  string
}

// together is one finding made of several: the worst level, and what is said there.
func together(all []remark) (level, string) {
	for _, l := range []level{fail, warn, ok} {
		var texts []string
		for _, v := range all {
			if v.level == l {
				texts = append(texts, v.text)
			}
		}
		if len(texts) > 0 {
			return l, strings.Join(texts, "; ")
		}
	}
	return ok, ""
}

// checkAccounts looks whether the keys of further endpoints are of the account and
// of the mode that they are to be of. An endpoint without a key of its own is one of
// the main key's account, for those that are connected to it.
func checkAccounts(ctx context.Context, x *examination) (level, string) {
	x.sites = []*site{{client: x.stripe}}
	var all []remark
	for _, e := range x.cfg.Endpoints {
		at := &site{name: e.Name, account: e.Account, client: x.stripe}
		var v remark
		if e.Key.IsSet() {
			client, err := x.client(e.Key)
			if err != nil {
				all = append(all, at.says(fail, err.Error()))
				continue
			}
			at.client = client
			v = x.checkAccount(ctx, at, client)
		} else {
			v = x.checkAccount(ctx, at, x.stripe.For(e.Account))
		}
		if x.sites = append(x.sites, at); v.level != ok {
			all = append(all, v)
		}
	}
	if len(all) > 0 {
		return together(all)
	}
	if n := len(x.cfg.Endpoints); n > 0 {
		return ok, "those of " + counted(n, "further endpoint") + " are as the file says"
	}
	return ok, "the own one alone"
}

func (x *examination) checkAccount(ctx context.Context, at *site, client *stripe.Client) remark {
	if client.Livemode() != x.stripe.Livemode() {
		return at.says(fail, "its key is of the other mode than STRIPE_SECRET_KEY")
	}
	answer, err := client.Account(ctx)
	switch {
	case err != nil:
		return at.says(fail, err.Error())
	case at.account != "" && answer.ID != at.account:
		return at.says(fail, fmt.Sprintf("its key is of %s, not of %s", answer.ID, at.account))
	}
	return at.says(ok, answer.ID)
}

// checkEndpoint looks whether Stripe is told to post here, and everything that has
// a rule; with --fix it tells Stripe to.
func checkEndpoint(ctx context.Context, x *examination) (level, string) {
	var all []remark
	for _, at := range x.sites {
		endpoints, err := at.client.WebhookEndpoints(ctx)
		if err != nil {
			all = append(all, at.says(warn, "Stripe does not say which endpoints there are: "+err.Error()))
			continue
		}
		at.posting = x.posting(at, endpoints)
		l, text := x.checkPosting(ctx, at, len(endpoints))
		all = append(all, at.says(l, text))
	}
	return together(all)
}

func (x *examination) checkPosting(ctx context.Context, at *site, endpoints int) (level, string) {
	if len(at.posting) == 0 {
		if x.cfg.Poll > 0 {
			return ok, "none at Stripe; events are polled for"
		}
		return warn, fmt.Sprintf("none of the account's endpoints (%d) posts to …%s", endpoints, at.path())
	}
	e := at.posting[0].Value
	url, status := e.Get("url").Str(), e.Get("status").Str()
	var sent []string // by all of them: events may be shared out
	for _, p := range at.posting {
		for v := range p.Value.Get("enabled_events").All() {
			sent = append(sent, v.Str())
		}
	}
	missing := unsent(sent)
	switch {
	case status == "enabled" && len(missing) == 0:
		return ok, url
	case x.fix && len(at.posting) > 1:
		return fail, fmt.Sprintf("%d endpoints post to …%s, of which --fix changes none; set BURSAR_PUBLIC_URL to say which is ours", len(at.posting), at.path())
	case x.fix:
		return x.fixEndpoint(ctx, at, sent, missing)
	case status != "enabled":
		return fail, url + " is " + status + " at Stripe; --fix enables it"
	}
	return warn, fmt.Sprintf("%s is not sent %s; --fix has Stripe send them", url, strings.Join(missing, ", "))
}

// fixEndpoint has Stripe send an endpoint what it lacks, beside what it is sent.
func (x *examination) fixEndpoint(ctx context.Context, at *site, sent, missing []string) (level, string) {
	e, on := at.posting[0], false
	_, err := at.client.UpdateWebhookEndpoint(ctx, "doctor-"+rand.Text(), e.ID, stripe.WebhookEndpointUpdate{
		EnabledEvents: slices.Concat(sent, missing), Disabled: &on,
	})
	url := e.Value.Get("url").Str()
	if err != nil {
		return fail, fmt.Sprintf("%s: %s", url, err)
	}
	if status := e.Value.Get("status").Str(); status != "enabled" {
		url += " was " + status + " and is enabled now"
	}
	if len(missing) > 0 {
		url += " is now sent " + strings.Join(missing, ", ")
	}
	return ok, "fixed: " + url
}

// posting are those of Stripe's endpoints that post to a site. Several services may
// have their endpoints in one account: with BURSAR_PUBLIC_URL those of others do not
// count where there is one of ours. Disabled ones count where no other one does.
func (x *examination) posting(at *site, endpoints []stripe.Answer) []stripe.Answer {
	here := slices.DeleteFunc(slices.Clone(endpoints), func(e stripe.Answer) bool { return !x.postsTo(at, e.Value.Get("url").Str()) })
	narrow := func(counts func(stripe.Answer) bool) {
		if rest := slices.DeleteFunc(slices.Clone(here), func(e stripe.Answer) bool { return !counts(e) }); len(rest) > 0 {
			here = rest
		}
	}
	narrow(func(e stripe.Answer) bool { return x.isPublic(e.Value.Get("url").Str()) })
	narrow(func(e stripe.Answer) bool { return e.Value.Get("status").Str() == "enabled" })
	return here
}

func (x *examination) isPublic(url string) bool {
	return x.cfg.PublicURL != "" && strings.HasPrefix(url, x.cfg.PublicURL+"/")
}

// postsTo says whether a URL leads to a site: a proxy may put anything before our
// path, and behind BURSAR_PUBLIC_URL it may have another one.
func (x *examination) postsTo(at *site, url string) bool {
	_, name, within := strings.Cut(strings.TrimRight(url, "/")+"/", webhookPath+"/")
	if name = strings.TrimRight(name, "/"); within {
		return name == at.name
	}
	return at.name == "" && x.isPublic(url)
}

// checkVersion looks at the API versions in which events come. Bursar reads those
// up to the newest that it knows.
func checkVersion(_ context.Context, x *examination) (level, string) {
	var all []remark
	for _, at := range x.sites {
		var versions []string
		for _, e := range at.posting {
			versions = append(versions, e.Value.Get("api_version").Str())
		}
		slices.Sort(versions)
		if versions = slices.Compact(versions); len(versions) > 1 {
			all = append(all, at.says(warn, "several endpoints post here, each in its API version: one event comes in several shapes"))
		}
		for _, version := range versions {
			switch date, _, _ := strings.Cut(version, "."); {
			case version == "":
				all = append(all, at.says(ok, "the account's default"))
			case date > stripe.NewestVersion:
				all = append(all, at.says(warn, version+" is newer than what this Bursar knows ("+stripe.NewestVersion+"); Stripe changes no endpoint's version, so make another endpoint"))
			default:
				all = append(all, at.says(ok, version))
			}
		}
	}
	if len(all) == 0 {
		return ok, "no endpoint has one"
	}
	return together(all)
}

// unsent are the events that have a rule and are not among those that an endpoint
// is sent.
func unsent(sent []string) []string {
	var missing []string
	for _, rule := range apply.Rules {
		covered := slices.ContainsFunc(sent, func(pattern string) bool {
			prefix, wild := strings.CutSuffix(pattern, "*")
			return pattern == rule.Type || wild && strings.HasPrefix(rule.Type, prefix)
		})
		if !covered {
			missing = append(missing, rule.Type)
		}
	}
	return missing
}
