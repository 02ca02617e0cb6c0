// Command consult lets a dietitian and a client talk in a room: a small but
// whole application on est. It runs several backend instances in one process,
// each on a port of its own, to show that people meet across instances.
//
//	go run ./examples/consult
//
// Then open http://127.0.0.1:8080 in two tabs. The application itself is in the
// folder consult, what it must do in scenario.
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
	"slices"
	"syscall"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/examples/consult/consult"
	"github.com/spinneyio/est/memory"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // from then on a second signal kills
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run serves until ctx is done and answers with the exit status: 0 after a clean
// stop, 1 when something failed, 2 when it was called wrongly.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c, err := parse(args, stdout, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return 2
	}
	b, err := openBroker(c.redis)
	if err != nil {
		fmt.Fprintln(stderr, "consult:", err)
		return 2
	}
	logger := slog.New(slog.NewTextHandler(stderr, nil))
	err = consult.Serve(ctx, c.addr, slices.Repeat([]broker.Broker{b}, c.instances), stdout, logger)
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), consult.StopWithin)
	defer cancel()
	if err = errors.Join(err, b.Close(closing)); err != nil {
		fmt.Fprintln(stderr, "consult:", err)
		return 1
	}
	return 0
}

// command is what the command line asked for.
type command struct {
	addr      string
	instances int
	redis     string
}

// parse reads the command line. What there is to say about it has been printed
// when it returns an error.
func parse(args []string, stdout, stderr io.Writer) (command, error) {
	var c command
	flags := flag.NewFlagSet("consult", flag.ContinueOnError)
	flags.StringVar(&c.addr, "addr", "127.0.0.1:8080", "`host:port` of the first instance; the others get the next ports; with port 0 all get free ones")
	flags.IntVar(&c.instances, "instances", 2, "how many backend instances to run; they share one broker")
	flags.StringVar(&c.redis, "redis", "", "`URL` of a Redis that several processes share (default: a broker in this process)")
	flags.SetOutput(stderr)
	flags.Usage = func() {}

	err := flags.Parse(args) // prints what is wrong, but not what was asked for
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintf(stdout, "A dietitian and a client talk in a room.\n\nUsage: consult [flags]\n\n")
		flags.SetOutput(stdout)
		flags.PrintDefaults()
		return c, err
	case err == nil && flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
		fmt.Fprintln(stderr, err)
	case err == nil && c.instances < 1:
		err = fmt.Errorf("-instances %d: it takes at least one", c.instances)
		fmt.Fprintln(stderr, err)
	}
	if err != nil {
		fmt.Fprintln(stderr, "consult -h shows the flags.")
	}
	return c, err
}

// openBroker opens what the instances share: a Redis, or memory of this process.
func openBroker(url string) (broker.Broker, error) {
	if url != "" {
		return nil, errors.New("-redis: this build has no Redis broker yet; without the flag the instances share a broker in this process")
	}
	return memory.New(nil), nil
}
