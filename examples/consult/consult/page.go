package consult

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"net"
	"net/http"
)

//go:embed page
var files embed.FS

// page serves the web page: its files on /, and on /instances the ports of the
// instances, in order, that a person can choose from.
func page(ports []int) http.Handler {
	root, err := fs.Sub(files, "page")
	if err != nil {
		panic(err) // "page" is a valid path
	}
	list, err := json.Marshal(ports)
	if err != nil {
		panic(err) // numbers always encode
	}
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(root))
	mux.HandleFunc("GET /instances", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(list) // if this fails the browser is gone, and there is nobody to tell
	})

	// The page loads nothing from elsewhere, and talks to the instances only.
	policy := "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
		"script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'"
	for _, port := range ports {
		policy += fmt.Sprintf(" ws://*:%d", port)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-cache")
		mux.ServeHTTP(w, r)
	})
}

// ports are the listeners' ports.
func ports(listeners []net.Listener) []int {
	list := make([]int, len(listeners))
	for i, l := range listeners {
		list[i] = l.Addr().(*net.TCPAddr).Port
	}
	return list
}

// origins are the pages that may open a socket: those of all instances. To the
// browser another port is a foreign origin.
func origins(listeners []net.Listener) []string {
	var list []string
	for _, l := range listeners {
		at := l.Addr().(*net.TCPAddr)
		list = append(list, "http://"+at.String())
		if at.IP.IsLoopback() {
			list = append(list, fmt.Sprintf("http://localhost:%d", at.Port))
		}
	}
	return list
}
