-- +goose Up

-- Stripe's objects for whoever asks with SQL (docs/sql.md): the newest snapshot of
-- each, under Stripe's names, beside the tenant that it belongs to. Times are Unix
-- seconds, amounts are in minor units; what Stripe has as null is NULL. The views
-- are for people: Bursar itself reads the tables.

CREATE VIEW stripe_customers AS
SELECT account, livemode, id, NULLIF(tenant, '') AS tenant, NULLIF(name, '') AS name, NULLIF(email, '') AS email,
    NULLIF(default_payment_method, '') AS default_payment_method, NULLIF(locale, '') AS preferred_locale,
    NULLIF(created, 0) AS created, deleted
FROM customers;

CREATE VIEW stripe_subscriptions AS
SELECT s.account, s.livemode, s.id, NULLIF(c.tenant, '') AS tenant, NULLIF(s.customer, '') AS customer, s.stripe_status AS status,
    NULLIF(s.currency, '') AS currency, NULLIF(s.collection_method, '') AS collection_method, s.collection_paused AS pause_collection,
    NULLIF(s.current_period_start, 0) AS current_period_start, NULLIF(s.current_period_end, 0) AS current_period_end,
    NULLIF(s.trial_end, 0) AS trial_end, s.cancel_at_period_end, NULLIF(s.cancel_at, 0) AS cancel_at,
    NULLIF(s.canceled_at, 0) AS canceled_at, NULLIF(s.ended_at, 0) AS ended_at, NULLIF(s.cancellation_reason, '') AS cancellation_reason,
    NULLIF(s.default_payment_method, '') AS default_payment_method, NULLIF(s.latest_invoice, '') AS latest_invoice,
    NULLIF(s.schedule, '') AS schedule, NULLIF(s.created, 0) AS created
FROM subscriptions AS s
LEFT JOIN customers AS c ON c.account = s.account AND c.livemode = s.livemode AND c.id = s.customer;

-- An item's name in Stripe's API is subscription_item.
CREATE VIEW stripe_subscription_items AS
SELECT s.account, s.livemode, json_extract(e.value, '$.id') AS id, NULLIF(c.tenant, '') AS tenant, s.id AS subscription,
    json_extract(e.value, '$.price') AS price, json_extract(e.value, '$.product') AS product, json_extract(e.value, '$.quantity') AS quantity,
    json_extract(e.value, '$.currency') AS currency, json_extract(e.value, '$.unit_amount') AS unit_amount, json_extract(e.value, '$.unit_amount_decimal') AS unit_amount_decimal,
    json_extract(e.value, '$.interval') AS recurring_interval, json_extract(e.value, '$.interval_count') AS recurring_interval_count,
    json_extract(e.value, '$.current_period_start') AS current_period_start, json_extract(e.value, '$.current_period_end') AS current_period_end
FROM subscriptions AS s
CROSS JOIN json_each(CASE WHEN s.items LIKE '[%' THEN s.items ELSE '[]' END) AS e
LEFT JOIN customers AS c ON c.account = s.account AND c.livemode = s.livemode AND c.id = s.customer;

CREATE VIEW stripe_subscription_schedules AS
SELECT s.account, s.livemode, s.id, NULLIF(c.tenant, '') AS tenant, NULLIF(s.customer, '') AS customer, NULLIF(s.subscription, '') AS subscription,
    s.status, NULLIF(s.current_start, 0) AS current_phase_start_date, NULLIF(s.current_end, 0) AS current_phase_end_date
FROM schedules AS s
LEFT JOIN customers AS c ON c.account = s.account AND c.livemode = s.livemode AND c.id = s.customer;

CREATE VIEW stripe_invoices AS
SELECT i.account, i.livemode, i.id, NULLIF(c.tenant, '') AS tenant, NULLIF(i.customer, '') AS customer, NULLIF(i.subscription, '') AS subscription,
    NULLIF(i.number, '') AS number, i.stripe_status AS status, NULLIF(i.billing_reason, '') AS billing_reason,
    NULLIF(i.collection_method, '') AS collection_method, NULLIF(i.currency, '') AS currency,
    i.subtotal, i.discount, i.tax, i.total, i.amount_due, i.amount_paid,
    i.attempt_count, NULLIF(i.next_payment_attempt, 0) AS next_payment_attempt, NULLIF(i.created, 0) AS created,
    NULLIF(i.finalized_at, 0) AS finalized_at, NULLIF(i.due_date, 0) AS due_date, NULLIF(i.paid_at, 0) AS paid_at,
    NULLIF(i.voided_at, 0) AS voided_at, NULLIF(i.hosted_invoice_url, '') AS hosted_invoice_url,
    NULLIF(i.invoice_pdf, '') AS invoice_pdf, i.deleted
FROM invoices AS i
LEFT JOIN customers AS c ON c.account = i.account AND c.livemode = i.livemode AND c.id = i.customer;

-- Only the lines that came with the invoice: Stripe sends the first ten.
CREATE VIEW stripe_invoice_line_items AS
SELECT i.account, i.livemode, json_extract(e.value, '$.id') AS id, NULLIF(c.tenant, '') AS tenant, i.id AS invoice,
    NULLIF(json_extract(e.value, '$.description'), '') AS description, json_extract(e.value, '$.price') AS price, json_extract(e.value, '$.quantity') AS quantity,
    NULLIF(i.currency, '') AS currency, json_extract(e.value, '$.amount') AS amount, json_extract(e.value, '$.unit_amount_decimal') AS unit_amount_decimal,
    COALESCE(json_extract(e.value, '$.proration'), 0) = 1 AS proration,
    NULLIF(json_extract(e.value, '$.period_start'), 0) AS period_start, NULLIF(json_extract(e.value, '$.period_end'), 0) AS period_end
FROM invoices AS i
CROSS JOIN json_each(CASE WHEN i.lines LIKE '[%' THEN i.lines ELSE '[]' END) AS e
LEFT JOIN customers AS c ON c.account = i.account AND c.livemode = i.livemode AND c.id = i.customer;

-- A link that an invoice of an older API version carries itself is kept under the
-- invoice's id; it is no object of Stripe's.
CREATE VIEW stripe_invoice_payments AS
SELECT p.account, p.livemode, p.id, NULLIF(c.tenant, '') AS tenant, p.invoice, NULLIF(p.payment_intent, '') AS payment_intent,
    NULLIF(p.charge, '') AS charge, p.status, p.amount_paid, NULLIF(p.currency, '') AS currency, NULLIF(p.paid_at, 0) AS paid_at
FROM payment_links AS p
LEFT JOIN invoices AS i ON i.account = p.account AND i.livemode = p.livemode AND i.id = p.invoice
LEFT JOIN customers AS c ON c.account = i.account AND c.livemode = i.livemode AND c.id = i.customer
WHERE p.id <> p.invoice;

CREATE VIEW stripe_charges AS
SELECT h.account, h.livemode, h.id, NULLIF(c.tenant, '') AS tenant, NULLIF(h.customer, '') AS customer, NULLIF(h.payment_intent, '') AS payment_intent,
    NULLIF(h.invoice, '') AS invoice, NULLIF(h.payment_method, '') AS payment_method, h.status, NULLIF(h.failure_code, '') AS failure_code,
    NULLIF(h.currency, '') AS currency, h.amount, h.amount_captured, h.amount_refunded, h.captured, NULLIF(h.created, 0) AS created
FROM charges AS h
LEFT JOIN customers AS c ON c.account = h.account AND c.livemode = h.livemode AND c.id = h.customer;

-- Neither refunds nor disputes name a customer; the ledger knows whose they are.
CREATE VIEW stripe_refunds AS
SELECT r.account, r.livemode, r.id, NULLIF(c.tenant, '') AS tenant, NULLIF(p.customer, '') AS customer, NULLIF(r.charge, '') AS charge,
    NULLIF(r.payment_intent, '') AS payment_intent, NULLIF(r.status, '') AS status, NULLIF(r.reason, '') AS reason,
    NULLIF(r.currency, '') AS currency, r.amount, NULLIF(r.created, 0) AS created
FROM refunds AS r
LEFT JOIN payments AS p ON p.account = r.account AND p.livemode = r.livemode AND p.id = r.id
LEFT JOIN customers AS c ON c.account = p.account AND c.livemode = p.livemode AND c.id = p.customer;

CREATE VIEW stripe_disputes AS
SELECT d.account, d.livemode, d.id, NULLIF(c.tenant, '') AS tenant, NULLIF(p.customer, '') AS customer, NULLIF(d.charge, '') AS charge,
    NULLIF(d.payment_intent, '') AS payment_intent, d.status, NULLIF(d.reason, '') AS reason,
    NULLIF(d.currency, '') AS currency, d.amount, NULLIF(d.created, 0) AS created
FROM disputes AS d
LEFT JOIN payments AS p ON p.account = d.account AND p.livemode = d.livemode AND p.id = d.id
LEFT JOIN customers AS c ON c.account = p.account AND c.livemode = p.livemode AND c.id = p.customer;

CREATE VIEW stripe_credit_notes AS
SELECT n.account, n.livemode, n.id, NULLIF(c.tenant, '') AS tenant, NULLIF(n.customer, '') AS customer, NULLIF(n.invoice, '') AS invoice,
    NULLIF(n.number, '') AS number, n.status, NULLIF(n.reason, '') AS reason, NULLIF(n.currency, '') AS currency, n.amount,
    NULLIF(n.created, 0) AS created, NULLIF(n.voided_at, 0) AS voided_at
FROM credit_notes AS n
LEFT JOIN customers AS c ON c.account = n.account AND c.livemode = n.livemode AND c.id = n.customer;

-- Stripe clears the customer of what was detached; here it stays, with attached false.
CREATE VIEW stripe_payment_methods AS
SELECT m.account, m.livemode, m.id, NULLIF(c.tenant, '') AS tenant, NULLIF(m.customer, '') AS customer, m.attached, m.type,
    NULLIF(m.brand, '') AS brand, NULLIF(m.last4, '') AS last4, NULLIF(m.exp_month, 0) AS exp_month, NULLIF(m.exp_year, 0) AS exp_year,
    NULLIF(m.created, 0) AS created
FROM payment_methods AS m
LEFT JOIN customers AS c ON c.account = m.account AND c.livemode = m.livemode AND c.id = m.customer;

CREATE VIEW stripe_products AS
SELECT account, livemode, id, NULLIF(name, '') AS name, NULLIF(description, '') AS description, active, deleted
FROM products;

CREATE VIEW stripe_prices AS
SELECT account, livemode, id, NULLIF(product, '') AS product, NULLIF(nickname, '') AS nickname, active, NULLIF(currency, '') AS currency,
    unit_amount, NULLIF(unit_amount_decimal, '') AS unit_amount_decimal, NULLIF(prices.interval, '') AS recurring_interval,
    NULLIF(interval_count, 0) AS recurring_interval_count, deleted
FROM prices;
