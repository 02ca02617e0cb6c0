package server

import (
	"context"
	"net/http"
	"time"

	"github.com/centrifugal/centrifuge"
)

// centrifugeNode relays what is published to its one room, and echoes calls. It has
// no history, no presence and no client library's pings: as little as it can do.
func centrifugeNode(e *env) (func() error, error) {
	node, err := centrifuge.New(centrifuge.Config{})
	if err != nil {
		return nil, err
	}
	node.OnConnecting(func(_ context.Context, c centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		if c.Token == "" {
			return centrifuge.ConnectReply{}, centrifuge.DisconnectInvalidToken
		}
		reply := centrifuge.ConnectReply{Credentials: &centrifuge.Credentials{UserID: c.Token}}
		if c.Name == "recv" {
			reply.Subscriptions = map[string]centrifuge.SubscribeOptions{"room": {}}
		}
		return reply, nil
	})
	node.OnConnect(func(c *centrifuge.Client) {
		e.conns.Add(1)
		c.OnDisconnect(func(centrifuge.DisconnectEvent) { e.conns.Add(-1) })
		c.OnPublish(func(_ centrifuge.PublishEvent, done centrifuge.PublishCallback) { done(centrifuge.PublishReply{}, nil) })
		c.OnRPC(func(call centrifuge.RPCEvent, done centrifuge.RPCCallback) {
			done(centrifuge.RPCReply{Data: call.Data}, nil)
		})
	})
	if err := node.Run(); err != nil {
		return nil, err
	}
	h := centrifuge.NewWebsocketHandler(node, centrifuge.WebsocketConfig{
		PingPongConfig: centrifuge.PingPongConfig{PingInterval: 10 * time.Minute, PongTimeout: 10 * time.Second},
	})
	return func() error { return http.Serve(e.listener, h) }, nil
}
