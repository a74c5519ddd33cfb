-- +goose Up

-- Keys that many rows share, which PostgreSQL keeps once: every event writes these two
-- indexes at a place of its own, and the few events of one object or customer are
-- sorted as quickly as they are read.
DROP INDEX inbox_object;
CREATE INDEX inbox_object ON inbox (object_id, account, livemode);
DROP INDEX inbox_customer;
CREATE INDEX inbox_customer ON inbox (customer, account, livemode);
