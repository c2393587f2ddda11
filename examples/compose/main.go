// A web server that counts its visits in PostgreSQL, and knows whether it is well: /health asks the database.
// With -health the same binary asks a running server, as an image from scratch has no other program that could.
package main

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	_ "github.com/lib/pq"
)

const address = ":8080"

func main() {
	health := flag.Bool("health", false, "ask the server whether it is well")
	flag.Parse()
	run := serve
	if *health {
		run = ask
	}
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func ask() error {
	client := http.Client{Timeout: 4 * time.Second}
	answer, err := client.Get("http://127.0.0.1" + address + "/health")
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return errors.New(answer.Status)
	}
	return nil
}

func serve() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	database, err := sql.Open("postgres", os.Getenv("DATABASE_URL"))
	if err != nil {
		return err
	}
	defer database.Close()

	http.HandleFunc("/health", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
		defer cancel()
		if err := ping(ctx, database); err != nil {
			log.Print(err)
			http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "well")
	})
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		count, err := visit(r.Context(), database)
		if err != nil {
			log.Print(err)
			http.Error(w, "the visit could not be counted", http.StatusInternalServerError)
			return
		}
		fmt.Fprintf(w, "visit %d\n", count)
	})
	server := http.Server{Addr: address, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		server.Close()
	}()
	log.Printf("serving on %s", address)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// ping asks the database for a sign of life. The driver itself would wait for one that has gone without a word.
func ping(ctx context.Context, database *sql.DB) error {
	answer := make(chan error, 1)
	go func() { answer <- database.PingContext(ctx) }()
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// visit counts one visit more, and gives how many there were. The table is made by the first.
func visit(ctx context.Context, database *sql.DB) (count int, err error) {
	if _, err := database.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS visits (at timestamptz NOT NULL)"); err != nil {
		return 0, err
	}
	if _, err := database.ExecContext(ctx, "INSERT INTO visits VALUES (now())"); err != nil {
		return 0, err
	}
	err = database.QueryRowContext(ctx, "SELECT count(*) FROM visits").Scan(&count)
	return count, err
}
