// Command custombroker serves the application consult by a broker of its own: two
// backend instances, each with its own connection to a NATS JetStream server,
// which is started in this process. The broker is in the folder natsbroker, whose
// doc.go says how to write another.
//
//	cd examples/custombroker && go run .
//
// Then open http://127.0.0.1:8080 in two tabs.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/examples/consult/consult"
	"github.com/spinneyio/est/examples/custombroker/natsbroker"
	"github.com/spinneyio/est/examples/custombroker/natsserver"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "`host:port` of the first instance; the second gets the next port; with port 0 both get free ones")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // from then on a second signal kills
	if err := serve(ctx, *addr, os.Stdout, slog.New(slog.NewTextHandler(os.Stderr, nil))); err != nil {
		fmt.Fprintln(os.Stderr, "custombroker:", err)
		os.Exit(1)
	}
}

// serve runs the server and two instances until ctx is done. What the server
// stores goes with it.
func serve(ctx context.Context, addr string, stdout io.Writer, logger *slog.Logger) (err error) {
	dir, err := os.MkdirTemp("", "est-custombroker")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	server, err := natsserver.Start(dir, -1)
	if err != nil {
		return err
	}
	defer server.WaitForShutdown()
	defer server.Shutdown()

	var brokers []broker.Broker
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), consult.StopWithin)
		defer cancel()
		for _, b := range brokers {
			err = errors.Join(err, b.Close(closing))
		}
	}()
	for range 2 {
		b, err := natsbroker.New(server.ClientURL(), nil)
		if err != nil {
			return err
		}
		brokers = append(brokers, b)
	}
	return consult.Serve(ctx, addr, brokers, stdout, logger)
}
