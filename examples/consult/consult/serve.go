package consult

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/core/instance"
	"github.com/spinneyio/est/transport/gws"
)

// StopWithin is how long a clean stop may take.
const StopWithin = 10 * time.Second

// backend is one instance and the web server in front of it.
type backend struct {
	listener net.Listener
	instance *instance.Instance[Data, Room]
	server   *http.Server
}

// Serve runs an instance on each of the brokers, among which one may stand several
// times, until ctx is done or one of them fails, and then stops them all, within
// [StopWithin]. The first instance is on addr, host:port, the others on the next
// ports; with port 0 all get free ones. Serve says on stdout where each one is. The
// brokers stay open.
func Serve(ctx context.Context, addr string, brokers []broker.Broker, stdout io.Writer, logger *slog.Logger) error {
	listeners, err := listen(addr, len(brokers))
	if err != nil {
		return err
	}
	var backends []*backend
	for i, l := range listeners {
		each, err := newBackend(l, listeners, brokers[i], logger)
		if err != nil {
			return errors.Join(err, stop(backends), closeAll(listeners))
		}
		backends = append(backends, each)
	}

	failed := make(chan error, len(backends))
	var running sync.WaitGroup
	for i, each := range backends {
		running.Go(func() {
			if err := each.server.Serve(each.listener); !errors.Is(err, http.ErrServerClosed) {
				failed <- fmt.Errorf("instance %d: %w", i+1, err)
			}
		})
		fmt.Fprintf(stdout, "consult: instance %d on http://%s\n", i+1, each.listener.Addr())
	}
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	err = errors.Join(err, stop(backends))
	running.Wait()
	return err
}

func newBackend(l net.Listener, all []net.Listener, b broker.Broker, logger *slog.Logger) (*backend, error) {
	i, err := instance.New(Integration, b, &instance.Options{
		Logger: logger,
		Perform: func(_ context.Context, conn core.ConnID, effect any) (any, error) {
			logger.Info("side effect", "effect", effect, "conn", conn)
			return nil, nil
		},
	})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", page(ports(all)))
	mux.Handle(Integration.Path, gws.Handler(i, &gws.Options{Origins: origins(all), Logger: logger}))
	return &backend{listener: l, instance: i, server: &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}}, nil
}

// stop drains the instances side by side, and only then closes their doors: who
// knocks meanwhile is told that the server is going away.
func stop(backends []*backend) error {
	ctx, cancel := context.WithTimeout(context.Background(), StopWithin)
	defer cancel()
	errs := make([]error, len(backends))
	var stopping sync.WaitGroup
	for i, each := range backends {
		stopping.Go(func() {
			errs[i] = errors.Join(each.instance.Shutdown(ctx), each.server.Shutdown(ctx))
		})
	}
	stopping.Wait()
	return errors.Join(errs...)
}

// listen opens n listeners: the first on addr, the others on the ports after it.
// With port 0 each gets a free one.
func listen(addr string, n int) ([]net.Listener, error) {
	host, service, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("-addr: %w", err)
	}
	port, err := net.LookupPort("tcp", service)
	if err != nil {
		return nil, fmt.Errorf("-addr: %w", err)
	}
	var listeners []net.Listener
	for range n {
		l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("instance %d: %w (choose another port with -addr)", len(listeners)+1, err), closeAll(listeners))
		}
		listeners = append(listeners, l)
		if port != 0 {
			port++
		}
	}
	return listeners, nil
}

func closeAll(listeners []net.Listener) error {
	errs := make([]error, len(listeners))
	for i, l := range listeners {
		errs[i] = l.Close()
	}
	return errors.Join(errs...)
}
