package zoo

import "github.com/spinneyio/est/core"

// refusal turns a connection away.
func refusal(why string) *core.Failure {
	return &core.Failure{Code: 1, Errors: map[string]string{"auth": why}}
}

// complaint is about a message. The connection stays.
func complaint(why string) *core.Failure {
	return &core.Failure{Code: 2, Errors: map[string]string{"comm": why}}
}
