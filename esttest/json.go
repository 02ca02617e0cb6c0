package esttest

import (
	"encoding/json"
	"fmt"
)

// marshal is v as JSON. A MarshalJSON that panics is an error.
func marshal(v any) (b []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return json.Marshal(v)
}
