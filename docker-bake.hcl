# The image for several kinds of machines: `docker buildx bake --push`. VERSION, REVISION, CREATED, SOURCE, IMAGE and
# PLATFORMS come from the environment, for example:
#
#   IMAGE=registry.example.com/breakwater VERSION=0.1.0 REVISION=$(git rev-parse HEAD) docker buildx bake --push
#
# Several platforms need a builder of their own: `docker buildx create --use`. No emulator is needed.

variable "IMAGE" { default = "breakwater" }
variable "VERSION" { default = "" }
variable "REVISION" { default = "" }
variable "CREATED" { default = "" }
variable "SOURCE" { default = "" }
variable "PLATFORMS" { default = "linux/amd64,linux/arm64" }

group "default" {
  targets = ["breakwater"]
}

target "breakwater" {
  context   = "."
  platforms = split(",", PLATFORMS)
  tags      = VERSION == "" ? ["${IMAGE}:latest"] : ["${IMAGE}:${VERSION}", "${IMAGE}:latest"]
  args = {
    VERSION  = VERSION
    REVISION = REVISION
    CREATED  = CREATED
    SOURCE   = SOURCE
  }
  # The list of what is in it, and how it was built, beside the image in the registry.
  attest = ["type=sbom", "type=provenance,mode=max"]
}
