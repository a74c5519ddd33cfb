-- +goose Up

-- Outgoing webhooks. Deliveries are effects of the kind outbound/ and the endpoint's
-- name; here is what decides whether there is something to tell.
ALTER TABLE tenants ADD COLUMN outbound BIGINT NOT NULL DEFAULT 0; -- the number of the last event

-- What was last told, or would have been: an event is what differs from it.
ALTER TABLE subscriptions ADD COLUMN told_status TEXT NOT NULL DEFAULT '';
ALTER TABLE subscriptions ADD COLUMN told_plan TEXT NOT NULL DEFAULT '';
ALTER TABLE subscriptions ADD COLUMN told_trial_end BIGINT NOT NULL DEFAULT 0;
ALTER TABLE invoices ADD COLUMN told_issued BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE invoices ADD COLUMN told_refunded BIGINT NOT NULL DEFAULT 0;
UPDATE subscriptions SET told_status = status, told_plan = plan, told_trial_end = trial_end;
UPDATE invoices SET told_issued = stripe_status NOT IN ('', 'draft'), told_refunded = amount_refunded;

-- How an endpoint fares. Times are Unix microseconds by our clock, 0: none.
CREATE TABLE outbound_endpoints (
    name          TEXT    PRIMARY KEY,
    url           TEXT    NOT NULL, -- another URL is another endpoint: it starts afresh
    sent_at       BIGINT  NOT NULL, -- the last 2xx, to within ten seconds
    failing_since BIGINT  NOT NULL, -- the first failure after the last 2xx
    failures      BIGINT  NOT NULL, -- how many since then
    probe_at      BIGINT  NOT NULL, -- while it fails: when it is tried again
    reason        TEXT    NOT NULL, -- the last failure
    disabled_at   BIGINT  NOT NULL
);
CREATE INDEX effects_outbound ON effects (kind, seq) WHERE kind >= 'outbound/' AND kind < 'outbound0';
