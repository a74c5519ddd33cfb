-- +goose Up

-- What the store knows of itself: mode (live, test), live_since (its first start,
-- Unix microseconds), catalog (the hash of the plans that the rows were computed by).
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

-- The inbox: every event that was received, for ever, without its payload.
-- Times that end in _at are Unix microseconds by our clock; created is
-- event.created, Unix seconds by Stripe's.
CREATE TABLE inbox (
    account         TEXT    NOT NULL,
    livemode        BOOLEAN NOT NULL,
    event_id        TEXT    NOT NULL,
    seq             INTEGER PRIMARY KEY, -- grows with the time of receipt
    type            TEXT    NOT NULL,
    object_id       TEXT    NOT NULL,
    object_type     TEXT    NOT NULL,
    customer        TEXT    NOT NULL,
    api_version     TEXT    NOT NULL,
    source          TEXT    NOT NULL, -- webhook, poll, thin, refetch, backfill, command
    created         BIGINT  NOT NULL,
    final           BIGINT  NOT NULL, -- 0 live, 1 terminal, 2 deleted
    born            BOOLEAN NOT NULL, -- the object's *.created
    observed_at     BIGINT  NOT NULL, -- answers of the API: when they were asked for; events: 0
    status          TEXT    NOT NULL, -- applied, stale, parked, ignored, failed, dead
    error           TEXT    NOT NULL,
    received_at     BIGINT  NOT NULL,
    applied_at      BIGINT  NOT NULL,
    deliveries      BIGINT  NOT NULL,
    attempts        BIGINT  NOT NULL,
    next_attempt_at BIGINT  NOT NULL,
    rev             BIGINT  NOT NULL,
    UNIQUE (event_id, account, livemode)
);
CREATE INDEX inbox_object ON inbox (object_id, account, livemode, created);
CREATE INDEX inbox_customer ON inbox (customer, account, livemode, seq);
CREATE INDEX inbox_type ON inbox (type, seq);
CREATE INDEX inbox_unsettled ON inbox (status, next_attempt_at, seq) WHERE status IN ('failed', 'parked', 'dead');

-- The bytes that were signed. dict names the dictionary that they were compressed with.
CREATE TABLE payloads (
    seq  INTEGER PRIMARY KEY,
    dict BIGINT NOT NULL,
    body BLOB  NOT NULL
);

-- For every object of Stripe's the inbox row that holds its newest snapshot.
CREATE TABLE objects (
    account     TEXT    NOT NULL,
    livemode    BOOLEAN NOT NULL,
    id          TEXT    NOT NULL,
    type        TEXT    NOT NULL,
    customer    TEXT    NOT NULL,
    seq         BIGINT  NOT NULL,
    created     BIGINT  NOT NULL,
    final       BIGINT  NOT NULL,
    born        BOOLEAN NOT NULL,
    observed_at BIGINT  NOT NULL,
    tied        BOOLEAN NOT NULL, -- several snapshots stood in its newest second
    uncertain   BOOLEAN NOT NULL, -- only the event's id decided
    rev         BIGINT  NOT NULL,
    PRIMARY KEY (id, account, livemode)
);
CREATE INDEX objects_uncertain ON objects (uncertain) WHERE uncertain;

-- What an event waits for: an object that is not known yet, or a customer that no tenant has.
CREATE TABLE waits (
    account  TEXT    NOT NULL,
    livemode BOOLEAN NOT NULL,
    event_id TEXT    NOT NULL,
    on_id    TEXT    NOT NULL,
    rev      BIGINT  NOT NULL,
    PRIMARY KEY (event_id, account, livemode)
);
CREATE INDEX waits_on ON waits (on_id, account, livemode);

CREATE TABLE tenants (
    account            TEXT    NOT NULL,
    livemode           BOOLEAN NOT NULL,
    id                 TEXT    NOT NULL,
    name               TEXT    NOT NULL, -- the app's, by PUT
    email              TEXT    NOT NULL,
    metadata           TEXT    NOT NULL, -- JSON object
    stripe_name        TEXT    NOT NULL, -- Stripe's, of the deciding customer
    stripe_email       TEXT    NOT NULL,
    stripe_customer_id TEXT    NOT NULL,
    plan               TEXT    NOT NULL, -- empty: the deciding price is in no plan
    status             TEXT    NOT NULL,
    status_reason      TEXT    NOT NULL,
    access             BOOLEAN NOT NULL,
    quantity           BIGINT  NOT NULL,
    valid_until        BIGINT  NOT NULL, -- Unix seconds, 0 for none
    subscription       TEXT    NOT NULL, -- the one that decides
    payment_method     TEXT    NOT NULL,
    stripe_features    TEXT    NOT NULL, -- JSON array of lookup keys
    timeline           BIGINT  NOT NULL, -- how many entries it has
    created_at         BIGINT  NOT NULL,
    updated_at         BIGINT  NOT NULL,
    erased_at          BIGINT  NOT NULL,
    rev                BIGINT  NOT NULL,
    PRIMARY KEY (id, account, livemode)
);
CREATE INDEX tenants_created ON tenants (created_at, id, account, livemode);

CREATE TABLE customers (
    account                TEXT    NOT NULL,
    livemode               BOOLEAN NOT NULL,
    id                     TEXT    NOT NULL,
    tenant                 TEXT    NOT NULL, -- its owner, empty while nobody has it
    name                   TEXT    NOT NULL,
    email                  TEXT    NOT NULL,
    created                BIGINT  NOT NULL,
    deleted                BOOLEAN NOT NULL,
    default_payment_method TEXT    NOT NULL,
    locale                 TEXT    NOT NULL,
    features               TEXT    NOT NULL, -- JSON array, Stripe's entitlements
    first_seen_at          BIGINT  NOT NULL,
    rev                    BIGINT  NOT NULL,
    PRIMARY KEY (id, account, livemode)
);
CREATE INDEX customers_tenant ON customers (tenant, account, livemode);
CREATE INDEX customers_created ON customers (created, id);

-- Everything that ever said whose a customer is. customers.tenant is computed from it.
CREATE TABLE customer_links (
    account  TEXT    NOT NULL,
    livemode BOOLEAN NOT NULL,
    id       TEXT    NOT NULL, -- the event or command that said it
    customer TEXT    NOT NULL,
    tenant   TEXT    NOT NULL,
    source   TEXT    NOT NULL, -- put, own_session, metadata, session, created
    at       BIGINT  NOT NULL, -- Unix seconds; of a PUT microseconds by our clock
    rev      BIGINT  NOT NULL,
    PRIMARY KEY (id, account, livemode)
);
CREATE INDEX customer_links_customer ON customer_links (customer, account, livemode);

CREATE TABLE subscriptions (
    account                TEXT    NOT NULL,
    livemode               BOOLEAN NOT NULL,
    id                     TEXT    NOT NULL,
    customer               TEXT    NOT NULL,
    stripe_status          TEXT    NOT NULL,
    known_status           TEXT    NOT NULL, -- of the newest snapshot whose status is known
    status                 TEXT    NOT NULL, -- what the app acts on
    status_reason          TEXT    NOT NULL,
    plan                   TEXT    NOT NULL,
    price                  TEXT    NOT NULL,
    quantity               BIGINT  NOT NULL,
    access                 BOOLEAN NOT NULL,
    currency               TEXT    NOT NULL,
    items                  TEXT    NOT NULL, -- JSON array
    current_period_start   BIGINT  NOT NULL,
    current_period_end     BIGINT  NOT NULL,
    trial_end              BIGINT  NOT NULL,
    cancel_at              BIGINT  NOT NULL,
    cancel_at_period_end   BOOLEAN NOT NULL,
    canceled_at            BIGINT  NOT NULL,
    ended_at               BIGINT  NOT NULL,
    default_payment_method TEXT    NOT NULL,
    latest_invoice         TEXT    NOT NULL,
    schedule               TEXT    NOT NULL,
    collection_method      TEXT    NOT NULL,
    collection_paused      BOOLEAN NOT NULL,
    cancellation_reason    TEXT    NOT NULL,
    scheduled_plan         TEXT    NOT NULL,
    scheduled_change_at    BIGINT  NOT NULL,
    created                BIGINT  NOT NULL,
    rev                    BIGINT  NOT NULL,
    PRIMARY KEY (id, account, livemode)
);
CREATE INDEX subscriptions_customer ON subscriptions (customer, account, livemode);

CREATE TABLE schedules (
    account       TEXT    NOT NULL,
    livemode      BOOLEAN NOT NULL,
    id            TEXT    NOT NULL,
    customer      TEXT    NOT NULL,
    subscription  TEXT    NOT NULL,
    status        TEXT    NOT NULL,
    current_start BIGINT  NOT NULL,
    current_end   BIGINT  NOT NULL,
    phases        TEXT    NOT NULL, -- JSON array
    rev           BIGINT  NOT NULL,
    PRIMARY KEY (id, account, livemode)
);
CREATE INDEX schedules_subscription ON schedules (subscription, account, livemode);

CREATE TABLE invoices (
    account              TEXT    NOT NULL,
    livemode             BOOLEAN NOT NULL,
    id                   TEXT    NOT NULL,
    customer             TEXT    NOT NULL,
    subscription         TEXT    NOT NULL,
    number               TEXT    NOT NULL,
    stripe_status        TEXT    NOT NULL,
    status               TEXT    NOT NULL,
    billing_reason       TEXT    NOT NULL,
    collection_method    TEXT    NOT NULL,
    currency             TEXT    NOT NULL,
    subtotal             BIGINT  NOT NULL,
    discount             BIGINT  NOT NULL,
    tax                  BIGINT  NOT NULL,
    total                BIGINT  NOT NULL,
    amount_paid          BIGINT  NOT NULL,
    amount_due           BIGINT  NOT NULL,
    amount_refunded      BIGINT  NOT NULL,
    lines                TEXT    NOT NULL, -- JSON array
    notes                TEXT    NOT NULL, -- JSON array
    created              BIGINT  NOT NULL,
    finalized_at         BIGINT  NOT NULL, -- Unix seconds, as all of Stripe's
    due_date             BIGINT  NOT NULL,
    paid_at              BIGINT  NOT NULL,
    voided_at            BIGINT  NOT NULL,
    attempt_count        BIGINT  NOT NULL,
    next_payment_attempt BIGINT  NOT NULL,
    failed_attempts      BIGINT  NOT NULL, -- the highest attempt_count that an invoice.payment_failed told, -1 for none
    failed_at            BIGINT  NOT NULL, -- event.created of the latest failure
    charge               TEXT    NOT NULL, -- legacy links
    payment_intent       TEXT    NOT NULL,
    hosted_invoice_url   TEXT    NOT NULL,
    invoice_pdf          TEXT    NOT NULL,
    deleted              BOOLEAN NOT NULL,
    spent                BOOLEAN NOT NULL, -- it takes the plan away (dunning)
    rev                  BIGINT  NOT NULL,
    PRIMARY KEY (id, account, livemode)
);
CREATE INDEX invoices_customer ON invoices (customer, account, livemode, created);
CREATE INDEX invoices_created ON invoices (created, id);
-- The invoices that dunning looks at: failed, or sent and due, and not settled.
CREATE INDEX invoices_unpaid ON invoices (subscription, account, livemode)
    WHERE stripe_status IN ('open', 'uncollectible') AND subscription <> '';
CREATE INDEX invoices_due ON invoices (due_date)
    WHERE stripe_status IN ('open', 'uncollectible') AND subscription <> '' AND due_date > 0;

-- Which payment paid which invoice: invoice_payment objects, and the links that
-- invoices of older API versions carry themselves.
CREATE TABLE payment_links (
    account        TEXT    NOT NULL,
    livemode       BOOLEAN NOT NULL,
    id             TEXT    NOT NULL, -- inpay_…
    invoice        TEXT    NOT NULL,
    payment_intent TEXT    NOT NULL,
    charge         TEXT    NOT NULL,
    status         TEXT    NOT NULL,
    amount_paid    BIGINT  NOT NULL,
    currency       TEXT    NOT NULL,
    paid_at        BIGINT  NOT NULL,
    rev            BIGINT  NOT NULL,
    PRIMARY KEY (id, account, livemode)
);
CREATE INDEX payment_links_invoice ON payment_links (invoice, account, livemode);
CREATE INDEX payment_links_payment_intent ON payment_links (payment_intent, account, livemode) WHERE payment_intent <> '';
CREATE INDEX payment_links_charge ON payment_links (charge, account, livemode) WHERE charge <> '';

CREATE TABLE charges (
    account         TEXT    NOT NULL,
    livemode        BOOLEAN NOT NULL,
    id              TEXT    NOT NULL,
    customer        TEXT    NOT NULL,
    payment_intent  TEXT    NOT NULL,
    invoice         TEXT    NOT NULL, -- as the charge itself says (before basil)
    status          TEXT    NOT NULL,
    currency        TEXT    NOT NULL,
    amount          BIGINT  NOT NULL,
    amount_captured BIGINT  NOT NULL,
    amount_refunded BIGINT  NOT NULL,
    captured        BOOLEAN NOT NULL,
    created         BIGINT  NOT NULL,
    as_of           BIGINT  NOT NULL,
    failure_code    TEXT    NOT NULL,
    payment_method  TEXT    NOT NULL,
    refunds         TEXT    NOT NULL, -- JSON array: those that came inside the charge
    rev             BIGINT  NOT NULL,
    PRIMARY KEY (id, account, livemode)
);
CREATE INDEX charges_payment_intent ON charges (payment_intent, account, livemode) WHERE payment_intent <> '';
CREATE INDEX charges_invoice ON charges (invoice, account, livemode) WHERE invoice <> '';
CREATE INDEX charges_customer ON charges (customer, account, livemode);

CREATE TABLE refunds (
    account        TEXT    NOT NULL,
    livemode       BOOLEAN NOT NULL,
    id             TEXT    NOT NULL,
    charge         TEXT    NOT NULL,
    payment_intent TEXT    NOT NULL,
    status         TEXT    NOT NULL,
    amount         BIGINT  NOT NULL,
    currency       TEXT    NOT NULL,
    reason         TEXT    NOT NULL,
    created        BIGINT  NOT NULL,
    rev            BIGINT  NOT NULL,
    PRIMARY KEY (id, account, livemode)
);
CREATE INDEX refunds_charge ON refunds (charge, account, livemode) WHERE charge <> '';
CREATE INDEX refunds_payment_intent ON refunds (payment_intent, account, livemode) WHERE payment_intent <> '';

CREATE TABLE disputes (
    account        TEXT    NOT NULL,
    livemode       BOOLEAN NOT NULL,
    id             TEXT    NOT NULL,
    charge         TEXT    NOT NULL,
    payment_intent TEXT    NOT NULL,
    status         TEXT    NOT NULL,
    amount         BIGINT  NOT NULL,
    currency       TEXT    NOT NULL,
    reason         TEXT    NOT NULL,
    created        BIGINT  NOT NULL,
    rev            BIGINT  NOT NULL,
    PRIMARY KEY (id, account, livemode)
);

CREATE INDEX disputes_charge ON disputes (charge, account, livemode);

CREATE TABLE credit_notes (
    account   TEXT    NOT NULL,
    livemode  BOOLEAN NOT NULL,
    id        TEXT    NOT NULL,
    customer  TEXT    NOT NULL,
    invoice   TEXT    NOT NULL,
    number    TEXT    NOT NULL,
    status    TEXT    NOT NULL,
    reason    TEXT    NOT NULL,
    currency  TEXT    NOT NULL,
    amount    BIGINT  NOT NULL,
    created   BIGINT  NOT NULL,
    voided_at BIGINT  NOT NULL,
    rev       BIGINT  NOT NULL,
    PRIMARY KEY (id, account, livemode)
);
CREATE INDEX credit_notes_invoice ON credit_notes (invoice, account, livemode);

CREATE TABLE payment_methods (
    account   TEXT    NOT NULL,
    livemode  BOOLEAN NOT NULL,
    id        TEXT    NOT NULL,
    customer  TEXT    NOT NULL, -- kept after it was detached
    attached  BOOLEAN NOT NULL,
    type      TEXT    NOT NULL,
    brand     TEXT    NOT NULL,
    last4     TEXT    NOT NULL,
    exp_month BIGINT  NOT NULL,
    exp_year  BIGINT  NOT NULL,
    created   BIGINT  NOT NULL,
    rev       BIGINT  NOT NULL,
    PRIMARY KEY (id, account, livemode)
);
CREATE INDEX payment_methods_customer ON payment_methods (customer, account, livemode);

-- The ledger, computed from charges, links, refunds and disputes.
CREATE TABLE payments (
    account        TEXT    NOT NULL,
    livemode       BOOLEAN NOT NULL,
    id             TEXT    NOT NULL,
    customer       TEXT    NOT NULL,
    type           TEXT    NOT NULL, -- payment, refund, dispute
    status         TEXT    NOT NULL,
    amount         BIGINT  NOT NULL,
    currency       TEXT    NOT NULL,
    invoice        TEXT    NOT NULL,
    charge         TEXT    NOT NULL,
    payment_intent TEXT    NOT NULL,
    created        BIGINT  NOT NULL,
    rev            BIGINT  NOT NULL,
    PRIMARY KEY (id, account, livemode)
);
CREATE INDEX payments_customer ON payments (customer, account, livemode, created);
CREATE INDEX payments_invoice ON payments (invoice, account, livemode) WHERE invoice <> '';

CREATE TABLE products (
    account     TEXT    NOT NULL,
    livemode    BOOLEAN NOT NULL,
    id          TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    description TEXT    NOT NULL,
    active      BOOLEAN NOT NULL,
    deleted     BOOLEAN NOT NULL,
    rev         BIGINT  NOT NULL,
    PRIMARY KEY (id, account, livemode)
);

CREATE TABLE prices (
    account             TEXT    NOT NULL,
    livemode            BOOLEAN NOT NULL,
    id                  TEXT    NOT NULL,
    product             TEXT    NOT NULL,
    nickname            TEXT    NOT NULL,
    active              BOOLEAN NOT NULL,
    deleted             BOOLEAN NOT NULL,
    currency            TEXT    NOT NULL,
    unit_amount         BIGINT  NOT NULL,
    unit_amount_decimal TEXT    NOT NULL,
    interval            TEXT    NOT NULL,
    interval_count      BIGINT  NOT NULL,
    rev                 BIGINT  NOT NULL,
    PRIMARY KEY (id, account, livemode)
);

-- What Bursar saw change, numbered per tenant.
CREATE TABLE timeline (
    account  TEXT    NOT NULL,
    livemode BOOLEAN NOT NULL,
    tenant   TEXT    NOT NULL,
    no       BIGINT  NOT NULL,
    at       BIGINT  NOT NULL, -- Unix microseconds
    what     TEXT    NOT NULL,
    was      TEXT    NOT NULL,
    is_now   TEXT    NOT NULL,
    why      TEXT    NOT NULL,
    event    TEXT    NOT NULL,
    actor    TEXT    NOT NULL,
    PRIMARY KEY (tenant, account, livemode, no)
);

-- Whatever leaves the process, each under its key once. A key begins with what
-- it is of (payment_failed:in_…:2, refetch:sub_…), so that it is unique over all kinds.
CREATE TABLE effects (
    account    TEXT    NOT NULL,
    livemode   BOOLEAN NOT NULL,
    key        TEXT    NOT NULL,
    kind       TEXT    NOT NULL, -- notice, document, refetch, …: a row of internal/effect's table
    seq        BIGINT  NOT NULL UNIQUE,
    name       TEXT    NOT NULL, -- a notice's kind
    customer   TEXT    NOT NULL,
    tenant     TEXT    NOT NULL,
    object_id  TEXT    NOT NULL,
    event_id   TEXT    NOT NULL,
    recipient  TEXT    NOT NULL,
    subject    TEXT    NOT NULL,
    data       TEXT    NOT NULL, -- JSON
    status     TEXT    NOT NULL, -- pending, running, sent, skipped, failed, superseded
    reason     TEXT    NOT NULL,
    attempts   BIGINT  NOT NULL,
    due_at     BIGINT  NOT NULL, -- running: when its lease ends
    created_at BIGINT  NOT NULL,
    done_at    BIGINT  NOT NULL,
    rev        BIGINT  NOT NULL,
    PRIMARY KEY (key, account, livemode),
    UNIQUE (kind, key, account, livemode)
);
CREATE INDEX effects_due ON effects (kind, due_at) WHERE status IN ('pending', 'running');
CREATE INDEX effects_tenant ON effects (tenant, account, livemode, kind, seq);

-- Documents: bytes that never change.
CREATE TABLE documents (
    account    TEXT    NOT NULL,
    livemode   BOOLEAN NOT NULL,
    id         TEXT    NOT NULL, -- kind and object: invoice:in_…, receipt:in_…, credit_note:cn_…
    media_type TEXT    NOT NULL,
    body       BLOB   NOT NULL,
    created_at BIGINT  NOT NULL,
    PRIMARY KEY (id, account, livemode)
);

CREATE TABLE api_keys (
    id         TEXT   PRIMARY KEY,
    name       TEXT   NOT NULL,
    scope      TEXT   NOT NULL, -- read, write, admin
    hash       TEXT   NOT NULL UNIQUE, -- SHA-256, hexadecimal
    created_at BIGINT NOT NULL,
    revoked_at BIGINT NOT NULL
);

-- Answers to writes with an Idempotency-Key, kept for a day.
CREATE TABLE idempotency_keys (
    scope      TEXT   NOT NULL, -- the API key's name, method and path
    key        TEXT   NOT NULL,
    request    TEXT   NOT NULL, -- SHA-256 of the body
    status     BIGINT NOT NULL, -- 0 while the first request runs
    body       BLOB  NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (scope, key)
);
CREATE INDEX idempotency_keys_created ON idempotency_keys (created_at);
