package stripe

import (
	"context"
	"fmt"
	"net/url"
	"strconv"

	stripego "github.com/stripe/stripe-go/v85"
)

// CreateSchedule puts a subscription under a schedule whose one phase is its
// current period as it is.
func (c *Client) CreateSchedule(ctx context.Context, key, subscription string) (Answer, error) {
	return c.create(ctx, key, "/v1/subscription_schedules",
		&stripego.SubscriptionScheduleCreateParams{FromSubscription: &subscription})
}

// ScheduleUpdate is what UpdateSchedule sends.
type ScheduleUpdate struct {
	// Phases replace those of the schedule; past ones may be left out, the current
	// one must begin as it did. Only what Phase documents is sent, so that what
	// else a phase had (discounts, tax rates) is lost: ChangeAtPeriodEnd keeps it.
	// The last phase needs no EndDate.
	Phases            []Phase
	EndBehavior       string // release or cancel; empty: unchanged
	ProrationBehavior string // of a change to the current phase
}

// UpdateSchedule replaces the phases of a schedule.
func (c *Client) UpdateSchedule(ctx context.Context, key, id string, u ScheduleUpdate) (Answer, error) {
	f := url.Values{}
	setText(f, "end_behavior", u.EndBehavior)
	setText(f, "proration_behavior", u.ProrationBehavior)
	for i, p := range u.Phases {
		phase := fmt.Sprintf("phases[%d]", i)
		setInt(f, phase+"[start_date]", p.StartDate)
		setInt(f, phase+"[end_date]", p.EndDate)
		for j, it := range p.Items {
			item := fmt.Sprintf("%s[items][%d]", phase, j)
			setText(f, item+"[price]", it.Price)
			setInt(f, item+"[quantity]", it.Quantity)
		}
	}
	return c.updateSchedule(ctx, key, id, f)
}

func (c *Client) updateSchedule(ctx context.Context, key, id string, f url.Values) (Answer, error) {
	q, err := post(key, "subscription_schedule", id)
	if err != nil {
		return Answer{}, err
	}
	q.form = f.Encode()
	return c.command(ctx, q)
}

// ReleaseSchedule lets go of a subscription, which goes on as it is now; the
// change that was scheduled is off.
func (c *Client) ReleaseSchedule(ctx context.Context, key, id string) (Answer, error) {
	q, err := post(key, "subscription_schedule", id)
	if err != nil {
		return Answer{}, err
	}
	q.path += "/release"
	return c.command(ctx, q)
}

// ScheduledChange is a change of price that waits for the period's end.
type ScheduledChange struct {
	Subscription string
	Schedule     string // the subscription's, where it has one: its coming phases are replaced
	FromPrice    string // the item that changes; empty where there is only one
	Price        string
	Quantity     int64 // zero: as before
}

// ChangeAtPeriodEnd schedules a change and answers the schedule. All else of the
// subscription (discounts, tax rates, metadata, other items) is carried over. A
// cancellation that was scheduled is off. For a subscription without a schedule
// it takes two calls, under keys made of the one given; where the second fails
// nothing has changed but that there is a schedule, and the same call under the
// same key goes on from there.
func (c *Client) ChangeAtPeriodEnd(ctx context.Context, key string, change ScheduledChange) (Answer, error) {
	var have Answer
	var err error
	if change.Schedule != "" {
		have, err = c.Fetch(ctx, "subscription_schedule", change.Schedule)
	} else {
		have, err = c.CreateSchedule(ctx, key+".schedule", change.Subscription)
	}
	if err != nil {
		return Answer{}, err
	}
	current := currentPhase(have.Value)
	if current.Get("end_date").Int() == 0 {
		return Answer{}, fmt.Errorf("stripe: the schedule %s has no phase that ends", have.ID)
	}
	f := url.Values{"end_behavior": {"release"}}
	carryPhase(f, "phases[0]", current)
	for _, name := range []string{"start_date", "end_date", "trial_end"} {
		setInt(f, "phases[0]["+name+"]", current.Get(name).Int())
	}
	setText(f, "phases[0][proration_behavior]", current.Get("proration_behavior").Str())
	carryItems(f, "phases[0]", current, nil)

	carryPhase(f, "phases[1]", current)
	f.Set("phases[1][proration_behavior]", "none") // at a period's end there is nothing to prorate
	if n := carryItems(f, "phases[1]", current, &change); n != 1 {
		return Answer{}, fmt.Errorf("stripe: %d items of the schedule %s have the price %q, not one", n, have.ID, change.FromPrice)
	}
	return c.updateSchedule(ctx, key+".phases", have.ID, f)
}

// currentPhase is the phase that a schedule is in.
func currentPhase(schedule Value) Value {
	start := schedule.Get("current_phase", "start_date").Int()
	var current Value
	for p := range schedule.Get("phases").All() {
		if !current.Exists() || p.Get("start_date").Int() <= start {
			current = p
		}
	}
	return current
}

// carryPhase copies what a phase says of the subscription, apart from its items
// and times, as parameters.
// https://docs.stripe.com/api/subscription_schedules/update
func carryPhase(f url.Values, to string, phase Value) {
	for _, name := range []string{"billing_cycle_anchor", "collection_method", "description"} {
		setText(f, to+"["+name+"]", phase.Get(name).Str())
	}
	for _, name := range []string{"default_payment_method", "on_behalf_of"} {
		setText(f, to+"["+name+"]", phase.Get(name).ID())
	}
	setNumber(f, to+"[application_fee_percent]", phase.Get("application_fee_percent"))
	if tax := phase.Get("automatic_tax"); tax.Get("enabled").Kind() == KindBool {
		f.Set(to+"[automatic_tax][enabled]", strconv.FormatBool(tax.Get("enabled").Bool()))
		carryParty(f, to+"[automatic_tax][liability]", tax.Get("liability"))
	}
	setNumber(f, to+"[billing_thresholds][amount_gte]", phase.Get("billing_thresholds", "amount_gte"))
	if v := phase.Get("billing_thresholds", "reset_billing_cycle_anchor"); v.Kind() == KindBool {
		f.Set(to+"[billing_thresholds][reset_billing_cycle_anchor]", strconv.FormatBool(v.Bool()))
	}
	carryIDs(f, to+"[default_tax_rates]", phase.Get("default_tax_rates"))
	carryDiscounts(f, to, phase)
	carryIDs(f, to+"[invoice_settings][account_tax_ids]", phase.Get("invoice_settings", "account_tax_ids"))
	setNumber(f, to+"[invoice_settings][days_until_due]", phase.Get("invoice_settings", "days_until_due"))
	carryParty(f, to+"[invoice_settings][issuer]", phase.Get("invoice_settings", "issuer"))
	if dest := phase.Get("transfer_data", "destination").ID(); dest != "" {
		f.Set(to+"[transfer_data][destination]", dest)
		setNumber(f, to+"[transfer_data][amount_percent]", phase.Get("transfer_data", "amount_percent"))
	}
	carryMetadata(f, to, phase)
}

// carryItems copies a phase's items, the changed one as the change says, and
// answers how many that were.
func carryItems(f url.Values, to string, phase Value, change *ScheduledChange) int {
	changed, i := 0, 0
	for it := range phase.Get("items").All() {
		item := fmt.Sprintf("%s[items][%d]", to, i)
		price := First(it.Get("price"), it.Get("plan")).ID()
		setNumber(f, item+"[quantity]", it.Get("quantity"))
		if change != nil && (change.FromPrice == "" || change.FromPrice == price) {
			price = change.Price
			setInt(f, item+"[quantity]", change.Quantity)
			changed++
		}
		f.Set(item+"[price]", price)
		setNumber(f, item+"[billing_thresholds][usage_gte]", it.Get("billing_thresholds", "usage_gte"))
		carryIDs(f, item+"[tax_rates]", it.Get("tax_rates"))
		carryDiscounts(f, item, it)
		carryMetadata(f, item, it)
		i++
	}
	return changed
}

// carryDiscounts copies discounts, each under the one name of three that it has:
// a discount that exists already keeps its end.
func carryDiscounts(f url.Values, to string, of Value) {
	i := 0
	for d := range of.Get("discounts").All() {
		for _, name := range []string{"discount", "promotion_code", "coupon"} {
			if id := d.Get(name).ID(); id != "" {
				f.Set(fmt.Sprintf("%s[discounts][%d][%s]", to, i, name), id)
				i++
				break
			}
		}
	}
}

// carryParty copies who is liable for tax, or issues invoices.
func carryParty(f url.Values, to string, party Value) {
	setText(f, to+"[type]", party.Get("type").Str())
	setText(f, to+"[account]", party.Get("account").ID())
}

func carryIDs(f url.Values, to string, list Value) {
	i := 0
	for v := range list.All() {
		setText(f, fmt.Sprintf("%s[%d]", to, i), v.ID())
		i++
	}
}

func carryMetadata(f url.Values, to string, of Value) {
	for name, v := range of.Get("metadata").Members() {
		setText(f, to+"[metadata]["+name+"]", v.Str())
	}
}

func setText(f url.Values, name, value string) {
	if value != "" {
		f.Set(name, value)
	}
}

func setInt(f url.Values, name string, n int64) {
	if n != 0 {
		f.Set(name, strconv.FormatInt(n, 10))
	}
}

// setNumber copies a number as it is written.
func setNumber(f url.Values, name string, v Value) {
	if v.Kind() == KindNumber {
		f.Set(name, string(v.Raw()))
	}
}
