// Package api is the REST API: what routes.go lists, over the store's read-only half
// and the engine's commands. It answers JSON in the shapes of the contract, errors
// as application/problem+json, and describes itself at /openapi.json.
package api
