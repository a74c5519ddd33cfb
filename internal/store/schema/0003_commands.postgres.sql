-- +goose Up

-- What commands have begun at Stripe for a tenant, so that it is begun once: by
-- however many requests and processes, and across a crash. A key is claimed here
-- before Stripe is asked under it, together with what is asked.
CREATE TABLE tenant_claims (
    account         TEXT COLLATE "C" NOT NULL,
    livemode        BOOLEAN NOT NULL,
    tenant          TEXT COLLATE "C" NOT NULL,
    customer_key    TEXT    NOT NULL, -- Idempotency-Key of the customer, empty: none is claimed
    customer_params TEXT    NOT NULL, -- JSON
    customer_at     BIGINT  NOT NULL, -- when it was claimed
    customer        TEXT COLLATE "C" NOT NULL, -- empty until Stripe has answered
    session_key     TEXT    NOT NULL, -- of the one open checkout session, empty: none
    session_params  TEXT    NOT NULL, -- JSON
    session_at      BIGINT  NOT NULL,
    session         TEXT    NOT NULL, -- empty until Stripe has answered
    session_url     TEXT    NOT NULL,
    session_expires BIGINT  NOT NULL, -- Unix seconds, by Stripe's clock
    session_seen_at BIGINT  NOT NULL, -- when Stripe last said that it is open
    rev             BIGINT  NOT NULL,
    PRIMARY KEY (tenant, account, livemode)
);
