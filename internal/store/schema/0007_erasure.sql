-- +goose Up

-- Whose answers they are, so that erasure finds them; empty where a request was about
-- no tenant. What was kept until now goes: it is a day's, and does not say whose it is.
DELETE FROM idempotency_keys;
ALTER TABLE idempotency_keys ADD COLUMN account TEXT NOT NULL DEFAULT '';
ALTER TABLE idempotency_keys ADD COLUMN tenant TEXT NOT NULL DEFAULT '';
CREATE INDEX idempotency_keys_tenant ON idempotency_keys (tenant) WHERE tenant <> '';

-- What was claimed for tenants that were erased already holds their names.
UPDATE tenant_claims SET customer_key = '', customer_params = '', customer_at = 0, customer = '', session_key = '', session_params = '',
	session_at = 0, session = '', session_url = '', session_expires = 0, session_seen_at = 0, rev = rev + 1
	WHERE EXISTS (SELECT 1 FROM tenants AS t WHERE t.account = tenant_claims.account AND t.livemode = tenant_claims.livemode
		AND t.id = tenant_claims.tenant AND t.erased_at <> 0);
