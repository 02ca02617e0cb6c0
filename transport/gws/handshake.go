package gws

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
)

// handshakeKey is the key of a proper WebSocket handshake (RFC 6455, section
// 4.2.1). It answers all others itself: gws would do so with its own error texts,
// and when the connection is already taken over.
func handshakeKey(w http.ResponseWriter, r *http.Request) (key string, ok bool) {
	refuse := func(code int, text string) (string, bool) {
		http.Error(w, text, code)
		return "", false
	}
	key = r.Header.Get("Sec-Websocket-Key")
	nonce, err := base64.StdEncoding.DecodeString(key)
	switch {
	case r.ProtoMajor != 1 || r.ProtoMinor < 1:
		return refuse(http.StatusHTTPVersionNotSupported, "WebSocket connections need HTTP/1.1")
	case r.Method != http.MethodGet:
		w.Header().Set("Allow", http.MethodGet)
		return refuse(http.StatusMethodNotAllowed, "a WebSocket handshake is a GET request")
	case !hasToken(r.Header["Upgrade"], "websocket") || !hasToken(r.Header["Connection"], "upgrade"):
		w.Header().Set("Upgrade", "websocket")
		w.Header().Set("Connection", "Upgrade")
		return refuse(http.StatusUpgradeRequired, "this is a WebSocket endpoint")
	case r.Header.Get("Sec-Websocket-Version") != "13":
		w.Header().Set("Sec-Websocket-Version", "13")
		return refuse(http.StatusUpgradeRequired, "WebSocket version 13 is needed")
	case err != nil || len(nonce) != 16:
		return refuse(http.StatusBadRequest, "Sec-WebSocket-Key is missing or malformed")
	}
	return key, true
}

// hasToken says whether a header whose values are lists has the token.
func hasToken(values []string, token string) bool {
	for _, v := range values {
		for t := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.TrimSpace(t), token) {
				return true
			}
		}
	}
	return false
}

// upgradeRequest is all that gws needs of a request that was found proper here.
// gws looks at headers in another way: given this one, it can't refuse.
func upgradeRequest(key string) *http.Request {
	return &http.Request{Method: http.MethodGet, Header: http.Header{
		"Upgrade":               {"websocket"},
		"Connection":            {"Upgrade"},
		"Sec-Websocket-Version": {"13"},
		"Sec-Websocket-Key":     {key},
	}}
}

// originAllowed decides about the Origin header of a request to host.
// [Options.Origins] has the rules.
func originAllowed(origin, host string, allowed []string) bool {
	if origin == "" {
		return true
	}
	scheme, from := "", origin // "null", for one, has no scheme
	if u, err := url.Parse(origin); err == nil && u.Host != "" {
		scheme, from = u.Scheme, u.Host
	}
	if strings.EqualFold(from, host) {
		return true
	}
	for _, entry := range allowed {
		if entry == "*" {
			return true
		}
		if s, rest, ok := strings.Cut(entry, "://"); ok {
			if !strings.EqualFold(s, scheme) {
				continue
			}
			entry = rest
		}
		if parent, ok := strings.CutPrefix(entry, "*"); ok && strings.HasPrefix(parent, ".") {
			if n := len(from) - len(parent); n > 0 && strings.EqualFold(from[n:], parent) {
				return true
			}
		} else if strings.EqualFold(entry, from) {
			return true
		}
	}
	return false
}
