// Package outbound holds Bursar's own webhooks, those that go to the app: which
// events there are, what their payloads say, and how one is signed, dialed safely
// and posted. When and how often that happens is internal/effect's.
package outbound
