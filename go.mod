module github.com/spinneyio/est

go 1.26
