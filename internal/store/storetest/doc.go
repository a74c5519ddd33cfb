// Package storetest gives a test a database of its own on each engine that
// Bursar runs on: a fresh SQLite file, or a fresh database on a real
// PostgreSQL.
//
// PostgreSQL is the server that BURSAR_TEST_POSTGRES_URL names or, without
// it, a throwaway cluster made by the machine's own initdb and postgres. One
// cluster serves a whole test process, and does not outlive it. Where neither
// is to be had, the test is skipped and says so; under CI=1 it fails.
package storetest
