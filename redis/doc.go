// Package redis is the broker on Redis.
package redis
