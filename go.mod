module github.com/spinneyio/est

go 1.26

require (
	github.com/google/go-cmp v0.7.0
	github.com/lxzan/gws v1.8.9
	pgregory.net/rapid v1.3.0
)

require (
	github.com/dolthub/maphash v0.1.0 // indirect
	github.com/klauspost/compress v1.17.9 // indirect
)
