package conformance_test

import (
	"context"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/conformance"
)

var recordMutants = []mutant{{
	name: "an absent record is an empty one",
	rule: "records/absent",
	harness: func() conformance.Harness {
		return twistMemory(func() twist {
			return twist{load: func(b broker.Broker, ctx context.Context, key broker.Key, members bool) (broker.Record, error) {
				r, err := b.Load(ctx, key, members)
				if r.Value == nil {
					r.Value = []byte{}
				}
				return r, err
			}}
		})
	},
}, {
	name: "a handle caches what it has read",
	rule: "records/read-back",
	harness: func() conformance.Harness {
		return twistMemory(func() twist {
			return twist{load: func(b broker.Broker, ctx context.Context, key broker.Key, members bool) (broker.Record, error) {
				r, err := b.Load(ctx, key, members)
				r.At = broker.Position{}
				return r, err
			}}
		})
	},
}}
