// Probe does in a container what a test asks it to, and says what came of it.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) < 2 {
		serve(":8080", 0)
		return
	}
	arguments := os.Args[2:]
	switch os.Args[1] {
	case "serve":
		wait, _ := time.ParseDuration(arguments[1])
		serve(arguments[0], wait)
	case "exit":
		code, _ := strconv.Atoi(arguments[0])
		fmt.Println("to standard output")
		fmt.Fprintln(os.Stderr, "to standard error")
		os.Exit(code)
	case "kill":
		number, _ := strconv.Atoi(arguments[0])
		signal.Reset()
		syscall.Kill(os.Getpid(), syscall.Signal(number))
		time.Sleep(time.Minute)
	case "environment":
		fmt.Println(strings.Join(os.Environ(), "\n"))
	case "arguments":
		fmt.Printf("%q\n", os.Args)
	case "identity":
		directory, _ := os.Getwd()
		groups, _ := os.Getgroups()
		host, _ := os.Hostname()
		fmt.Println("ids", os.Getuid(), os.Getgid(), groups)
		fmt.Println("directory", directory)
		fmt.Println("hostname", host)
	case "status":
		text, _ := os.ReadFile("/proc/self/status")
		fmt.Print(string(text))
	case "read":
		for _, path := range arguments {
			text, err := os.ReadFile(path)
			fmt.Println(path, err == nil, string(text))
		}
	case "list":
		for _, path := range arguments {
			entries, err := os.ReadDir(path)
			fmt.Println(path, err == nil, len(entries))
			for _, entry := range entries {
				if info, err := entry.Info(); err == nil {
					fmt.Println(filepath.Join(path, entry.Name()), info.Mode())
				}
			}
		}
	case "write":
		for _, path := range arguments {
			fmt.Println(path, os.WriteFile(path, []byte("written\n"), 0o644))
		}
	case "interfaces":
		interfaces, _ := net.Interfaces()
		for _, one := range interfaces {
			fmt.Println(one.Name, one.Flags)
		}
	case "zone":
		_, err := time.LoadLocation(arguments[0])
		fmt.Println(err)
	case "user":
		_, err := user.Lookup(arguments[0])
		fmt.Println(err)
	case "temporary":
		_, err := os.CreateTemp("", "probe")
		fmt.Println(err)
	case "fetch":
		_, err := http.Get(arguments[0])
		fmt.Println(err)
	case "start":
		fmt.Println(exec.Command(arguments[0], arguments[1:]...).Run())
	case "mount":
		fmt.Println(syscall.Mount("none", arguments[0], "tmpfs", 0, ""))
	case "unshare":
		fmt.Println(syscall.Unshare(syscall.CLONE_NEWUSER))
	case "mknod":
		fmt.Println(syscall.Mknod(arguments[0], syscall.S_IFCHR|0o666, 1<<8|3))
	case "copy":
		io.Copy(os.Stdout, os.Stdin)
	case "signal":
		announced := make(chan os.Signal, 8)
		signal.Notify(announced, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGQUIT)
		fmt.Println("ready")
		fmt.Println("got", <-announced)
		os.Exit(7)
	case "stubborn":
		announced := make(chan os.Signal, 8)
		signal.Notify(announced, syscall.SIGINT)
		fmt.Println("ready")
		for {
			fmt.Println("got", <-announced)
		}
	case "deaf":
		signal.Ignore(syscall.SIGTERM, syscall.SIGINT)
		fmt.Println("ready")
		time.Sleep(time.Hour)
	case "sleep":
		fmt.Println("ready")
		time.Sleep(time.Hour)
	}
}

// serve answers /healthz at address once wait is over, echoes bodies at /echo, and gives n bytes at /bytes/n.
func serve(address string, wait time.Duration) {
	ready := time.Now().Add(wait)
	http.HandleFunc("/healthz", func(response http.ResponseWriter, _ *http.Request) {
		if time.Now().Before(ready) {
			response.WriteHeader(http.StatusServiceUnavailable)
		}
		fmt.Fprintln(response, "ok")
	})
	http.HandleFunc("/echo", func(response http.ResponseWriter, request *http.Request) {
		io.Copy(response, request.Body)
	})
	http.HandleFunc("/bytes/", func(response http.ResponseWriter, request *http.Request) {
		count, _ := strconv.ParseInt(strings.TrimPrefix(request.URL.Path, "/bytes/"), 10, 64)
		block := make([]byte, 1<<16)
		for ; count > 0; count -= int64(len(block)) {
			if count < int64(len(block)) {
				block = block[:count]
			}
			if _, err := response.Write(block); err != nil {
				return
			}
		}
	})
	if err := http.ListenAndServe(address, nil); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
