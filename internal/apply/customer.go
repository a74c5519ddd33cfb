package apply

import (
	"cmp"
	"encoding/json"
	"regexp"
	"slices"

	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/stripe"
)

// tenantID is what a tenant's id looks like (contract §4).
var tenantID = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,128}$`)

// ValidTenant says whether an id can be a tenant's.
func ValidTenant(id string) bool { return tenantID.MatchString(id) }

// Sources of a link between a customer and a tenant.
const (
	linkPut        = "put"         // the app said so
	linkOwnSession = "own_session" // a checkout session that Bursar made
	linkMetadata   = "metadata"
	linkSession    = "session" // another checkout session
	linkCreated    = "created" // BURSAR_UNKNOWN_CUSTOMERS=create
)

func customerChanged(c *change) error {
	k := c.key.With(c.ev.ObjectID)
	if c.fresh {
		s := newest(c, stripe.ReadCustomer)
		row := c.editCustomer(k)
		if s.Deleted || c.deletedEvent() {
			row.Deleted = true // a tombstone tells nothing else
		}
		if !s.Deleted {
			row.Name, row.Email, row.Created = s.Name, s.Email, s.Created
			row.DefaultPaymentMethod = s.DefaultPaymentMethod
			row.Locale = first(s.PreferredLocales)
		}
	}
	if tenant := c.tenantIn(told(c, stripe.ReadCustomer).Metadata); tenant != "" {
		c.link(k.ID, tenant, linkMetadata, c.ev.Created)
	}
	c.owner(k.ID)
	return nil
}

// deletedEvent says whether the newest snapshot is that of the object's end.
func (c *change) deletedEvent() bool {
	o := c.tx.Objects.Get(c.key.With(c.objectID()))
	return o != nil && o.Final == int64(stripe.RankDeleted)
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

func sessionCompleted(c *change) error {
	s := told(c, stripe.ReadCheckoutSession)
	if s.Customer == "" {
		c.reason = "the session has no customer"
		return nil
	}
	own := c.e.OwnSession(s.Metadata)
	tenant := s.ClientReferenceID
	// Whoever opens a Payment Link can choose the reference in its URL.
	if s.PaymentLink != "" && !c.e.TrustPaymentLinks {
		tenant = ""
	}
	if !ValidTenant(tenant) {
		tenant = c.tenantIn(s.Metadata)
	}
	if tenant != "" {
		source := linkSession
		if own {
			source = linkOwnSession
		}
		c.link(s.Customer, tenant, source, c.ev.Created)
	}
	if row := c.editCustomer(c.key.With(s.Customer)); row.Email == "" && row.Created == 0 {
		// Until the customer itself is told: what it typed into the page.
		row.Email, row.Name = s.CustomerEmail, s.CustomerName
	}
	c.owner(s.Customer)
	// The status comes from the subscription alone; it may not have been told yet.
	if s.Subscription != "" && c.fresh && c.tx.Subscriptions.Get(c.key.With(s.Subscription)) == nil {
		c.refetch(s.Subscription, 0)
	}
	return nil
}

// tenantIn is the tenant that metadata names, empty where it names none.
func (c *change) tenantIn(metadata map[string]string) string {
	for _, key := range c.e.TenantMetadata {
		if v := metadata[key]; v != "" && ValidTenant(v) {
			return v
		}
	}
	return ""
}

// editCustomer is the customer's row, made where this is the first that is heard of it.
func (c *change) editCustomer(k store.Key) *store.Customer {
	row := c.tx.Customers.Edit(k)
	if row.FirstSeenAt == 0 {
		row.FirstSeenAt, row.Features = c.tx.Now, "[]"
	}
	return row
}

// owner says whose the event is. Where no tenant has the customer, the event waits
// for one. It reports whether there is a tenant.
func (c *change) owner(customer string) bool {
	if customer == "" {
		if c.wait == "" {
			c.reason = "it belongs to no customer"
		}
		return false
	}
	c.customer = customer
	k := c.key.With(customer)
	row := c.tx.Customers.Get(k)
	if row == nil {
		row = c.editCustomer(k)
	}
	if row.Tenant == "" && c.e.CreateUnknownCustomers && ValidTenant(customer) {
		c.link(customer, customer, linkCreated, c.ev.Created)
		row = c.tx.Customers.Get(k)
	}
	if row.Tenant == "" {
		c.wait = customer
		return false
	}
	c.tenant = row.Tenant
	c.touchTenant(c.key.With(row.Tenant))
	return true
}

// link records that a source says whose a customer is, and gives the customer to
// whom it belongs by all that was ever said. No event moves a customer away from
// the tenant that was named first; the app does, by PUT.
func (c *change) link(customer, tenant, source string, at int64) {
	if t := c.tx.Tenants.Get(c.key.With(tenant)); t != nil && t.ErasedAt != 0 {
		return // late events recreate nothing
	}
	id := customer + "/" + source
	if source != linkPut {
		id += "/" + tenant
	}
	c.tx.Tenants.Want(c.key.With(tenant))
	links := c.tx.LinksByCustomer.By(c.key.With(customer))
	i := slices.IndexFunc(links, func(l *store.CustomerLink) bool { return l.ID == id })
	if i < 0 || source == linkPut || at < links[i].At {
		e := c.tx.Links.Edit(c.key.With(id))
		e.Customer, e.Tenant, e.Source, e.At = customer, tenant, source, at
		links = c.tx.LinksByCustomer.By(c.key.With(customer))
	}
	row := c.editCustomer(c.key.With(customer))
	best := ownerOf(links)
	owner := best.Tenant
	for _, l := range links {
		if l.Tenant != owner && l.Source != linkCreated && best.Source != linkPut {
			c.notice(notice{name: "tenant_conflict", object: customer, repeat: l.Tenant, customer: customer, operator: true, data: noticeData{Claimed: l.Tenant}})
		}
	}
	if owner == row.Tenant {
		return
	}
	was := row.Tenant
	row.Tenant = owner
	t := c.ensureTenant(c.key.With(owner))
	c.note(t, entry{what: "customer", to: customer, why: "linked by " + source})
	c.tellLinked(t.Key, customer, source, was)
	if was != "" {
		if old := c.tx.Tenants.Get(c.key.With(was)); old != nil {
			c.note(c.tx.Tenants.Edit(old.Key), entry{what: "customer", from: customer, why: "moved to " + owner})
		}
		c.touchTenant(c.key.With(was))
	}
	c.touchTenant(c.key.With(owner))
	c.known(c.key.With(customer))
}

// ownerOf computes a customer's tenant from everything that named one: the app's
// last word, else the oldest statement; within a second a session that Bursar made
// before metadata before other sessions.
func ownerOf(links []*store.CustomerLink) *store.CustomerLink {
	weight := map[string]int{linkPut: 0, linkOwnSession: 1, linkMetadata: 1, linkSession: 1, linkCreated: 2}
	precedence := []string{linkPut, linkOwnSession, linkMetadata, linkSession, linkCreated}
	return slices.MinFunc(links, func(a, b *store.CustomerLink) int {
		return cmp.Or(
			cmp.Compare(weight[a.Source], weight[b.Source]),
			cmp.Compare(a.At, b.At),
			cmp.Compare(slices.Index(precedence, a.Source), slices.Index(precedence, b.Source)),
			cmp.Compare(a.Tenant, b.Tenant))
	})
}

func entitlementsChanged(c *change) error {
	s := told(c, stripe.ReadEntitlementSummary)
	if c.fresh {
		s = newest(c, stripe.ReadEntitlementSummary)
		features, err := json.Marshal(s.Features)
		if err != nil {
			return err
		}
		if s.Features == nil {
			features = []byte("[]")
		}
		c.editCustomer(c.key.With(s.Customer)).Features = string(features)
	}
	c.owner(s.Customer)
	return nil
}
