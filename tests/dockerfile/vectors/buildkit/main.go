// Tells what BuildKit's front end makes of Dockerfiles: reads cases as JSON, writes the outcome of each.
//
//	go mod tidy && go run . < cases.json > outcomes.json
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"

	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/moby/buildkit/solver/pb"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

type In struct {
	Dockerfile string            `json:"dockerfile"`
	Args       map[string]string `json:"args"`
	Target     string            `json:"target"`
}
type Out struct {
	Error  string   `json:"error"`
	Config any      `json:"config"`
	Author string   `json:"author"`
	Hist   []string `json:"history"`
	Empty  []bool   `json:"empty"`
	Warn   []string `json:"warnings"`
}

func one(in In) (out Out) {
	caps := pb.Caps.CapSet(pb.Caps.All())
	p := ocispecs.Platform{OS: "linux", Architecture: "amd64"}
	_, img, _, _, err := dockerfile2llb.Dockerfile2LLB(context.Background(), []byte(in.Dockerfile), dockerfile2llb.ConvertOpt{
		TargetPlatform: &p, LLBCaps: &caps,
		Config: dockerui.Config{BuildArgs: in.Args, Target: in.Target, BuildPlatforms: []ocispecs.Platform{p}},
		Warn: func(rulename, description, url, fmtmsg string, location []parser.Range) {
			out.Warn = append(out.Warn, rulename)
		},
	})
	if err != nil {
		out.Error = err.Error()
		return out
	}
	out.Config = img.Config
	out.Author = img.Author
	for _, h := range img.History {
		out.Hist = append(out.Hist, h.CreatedBy)
		out.Empty = append(out.Empty, h.EmptyLayer)
	}
	return out
}

func main() {
	var ins []In
	if err := json.NewDecoder(os.Stdin).Decode(&ins); err != nil {
		panic(err)
	}
	outs := []Out{}
	for _, in := range ins {
		outs = append(outs, one(in))
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	_ = e.Encode(outs)
	os.Stdout.Write(b.Bytes())
}
