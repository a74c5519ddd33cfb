package stripetest

import "net/http"

func (a *Account) servePage(w http.ResponseWriter, req *http.Request) bool { return false }
