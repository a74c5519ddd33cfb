-- +goose Up

-- The features that a tenant's app was last told of, or would have been: meta has them
-- under features: and this. Empty: not known.
ALTER TABLE tenants ADD COLUMN told_features TEXT NOT NULL DEFAULT '';

-- The bodies of deliveries that retention may drop.
CREATE INDEX effects_bodies ON effects (seq) WHERE status = 'sent' AND data <> '' AND substr(kind, 1, 9) = 'outbound/';
