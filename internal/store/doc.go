// Package store keeps the rows: one SQL text for SQLite and PostgreSQL.
//
// Writing goes through a unit of work (Tx): rows are loaded in bulk for a whole
// batch of events, changed in an overlay per event, and written back in bulk,
// each guarded by its rev. Reading for the API goes through Reader.
package store
