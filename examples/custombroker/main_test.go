package main

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/examples/consult/scenario"
	"github.com/spinneyio/est/examples/custombroker/natsbroker"
	"github.com/spinneyio/est/examples/custombroker/natsserver"
)

// TestScenario plays what consult must do across two instances, each with its own
// connection to the server. A step may take 20 seconds: they take milliseconds, and
// the end is only there so that a broken broker fails the test instead of hanging.
func TestScenario(t *testing.T) {
	server, err := natsserver.Start(t.TempDir(), -1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		server.Shutdown()
		server.WaitForShutdown()
	})
	var brokers []broker.Broker
	for range 2 {
		b, err := natsbroker.New(server.ClientURL(), nil)
		if err != nil {
			t.Fatal(err)
		}
		brokers = append(brokers, b)
	}
	stage := scenario.Cluster(t, brokers, 20*time.Second)
	for _, scene := range scenario.Scenes() {
		t.Run(scene.Title, func(t *testing.T) { scene.Play(t, stage) })
	}
}

// TestServe looks at what the program serves, and stops it.
func TestServe(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stdout, out := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- serve(ctx, "127.0.0.1:0", out, slog.New(slog.DiscardHandler))
		out.Close()
	}()
	lines := bufio.NewScanner(stdout)
	for n := range 2 {
		if !lines.Scan() {
			t.Fatalf("line %d is missing: %v", n+1, <-ended)
		}
		_, url, _ := strings.Cut(lines.Text(), " on ")
		response, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || !strings.Contains(string(body), "<title>Consult</title>") {
			t.Errorf("%s serves %.200q, error %v", url, body, err)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
