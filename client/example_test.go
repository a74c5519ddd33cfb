package client_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/bursarhq/bursar"
	"github.com/bursarhq/bursar/client"
)

// Ask a Bursar that runs elsewhere what a tenant may use.
func Example() {
	dir, err := os.MkdirTemp("", "bursar")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	b, err := bursar.Open(context.Background(), bursar.Config{
		DatabaseURL: "sqlite://" + filepath.Join(dir, "bursar.db"), APIKeys: []string{"bk_app"}, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer b.Close()
	server := httptest.NewServer(b.Handler())
	defer server.Close()

	c, err := client.New(server.URL, "bk_app")
	if err != nil {
		fmt.Println(err)
		return
	}
	e, err := c.Entitlements(context.Background(), "acme")
	fmt.Println(e.Plan, e.Access, err)
	_, err = c.Checkout(context.Background(), client.Checkout{
		Tenant: "acme", Plan: "pro", SuccessURL: "https://app.example/ok", CancelURL: "https://app.example/no",
	})
	fmt.Println(client.IsCode(err, "invalid_parameter"))
	// Output:
	// free false <nil>
	// true
}
