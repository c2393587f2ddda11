// Needs: nothing
package main

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"net/http"
)

func main() {
	prometheus.MustRegister(prometheus.NewCounter(prometheus.CounterOpts{Name: "x"}))
	panic(http.ListenAndServe(":1", promhttp.Handler()))
}
