module outcomes

go 1.24

require github.com/moby/buildkit v0.26.3
