module interop

go 1.26

require google.golang.org/grpc v1.85.0
