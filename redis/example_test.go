package redis_test

import (
	"fmt"

	goredis "github.com/redis/go-redis/v9"

	"github.com/spinneyio/est/redis"
)

func ExampleNew() {
	client := goredis.NewClient(&goredis.Options{Addr: "localhost:6379"})
	defer client.Close()
	_, err := redis.New(client, nil)
	fmt.Println(err)
	// Output: redis: Options.Prefix is required: the names of all keys and topics begin with it, so that applications don't mix
}
