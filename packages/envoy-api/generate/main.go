// Prints a CodeGeneratorRequest for the .proto directories named as arguments and for what they import.
// The descriptors are those compiled into the Go packages that roots.go (made by regenerate.sh) imports.
package main

import (
	"log"
	"os"
	"path"
	"regexp"
	"slices"
	"sort"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protopath"
	"google.golang.org/protobuf/reflect/protorange"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

// Imports that hold nothing but custom options. Skein reads none of them, and they cost load time.
var optionsOnly = []string{
	"validate/",
	"udpa/annotations/",
	"xds/annotations/",
	"envoy/annotations/",
	"google/api/annotations.proto",
}

var otherLanguage = regexp.MustCompile("^(java|go|cc|objc|csharp|swift|php|ruby|py)_")

func main() {
	roots := map[string]bool{}
	for _, dir := range os.Args[1:] {
		roots[dir] = false
	}
	var files []protoreflect.FileDescriptor
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		dir := path.Dir(file.Path())
		if _, ok := roots[dir]; ok {
			roots[dir] = true
			files = append(files, file)
		}
		return true
	})
	for dir, found := range roots {
		if !found {
			log.Fatalf("no .proto file in %s", dir)
		}
	}
	sort.Slice(files, func(i, j int) bool { return files[i].Path() < files[j].Path() })

	request := &pluginpb.CodeGeneratorRequest{Parameter: proto.String("target=js+dts,import_extension=js")}
	seen := map[string]bool{}
	for _, file := range files {
		add(request, seen, file)
	}
	out, err := proto.MarshalOptions{Deterministic: true}.Marshal(request)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := os.Stdout.Write(out); err != nil {
		log.Fatal(err)
	}
}

// Dependencies first, as a code generator wants them.
func add(request *pluginpb.CodeGeneratorRequest, seen map[string]bool, file protoreflect.FileDescriptor) {
	if seen[file.Path()] {
		return
	}
	seen[file.Path()] = true
	described := protodesc.ToFileDescriptorProto(file)
	strip(described)
	imports := file.Imports()
	kept := map[string]bool{}
	for _, dependency := range described.Dependency {
		kept[dependency] = true
	}
	for i := 0; i < imports.Len(); i++ {
		if imported := imports.Get(i).FileDescriptor; kept[imported.Path()] {
			add(request, seen, imported)
		}
	}
	request.ProtoFile = append(request.ProtoFile, described)
	if !strings.HasPrefix(file.Path(), "google/protobuf/") {
		request.FileToGenerate = append(request.FileToGenerate, file.Path())
	}
}

// Drops custom options, the imports that only they need, and the file options meant for other languages.
func strip(file *descriptorpb.FileDescriptorProto) {
	var dependencies []string
	var public []int32
	for i, dependency := range file.Dependency {
		if isOptionsOnly(dependency) {
			continue
		}
		if slices.Contains(file.PublicDependency, int32(i)) {
			public = append(public, int32(len(dependencies)))
		}
		dependencies = append(dependencies, dependency)
	}
	file.Dependency, file.PublicDependency, file.WeakDependency = dependencies, public, nil
	err := protorange.Options{Stable: true}.Range(file.ProtoReflect(), nil, func(values protopath.Values) error {
		step := values.Index(-1)
		message, ok := step.Value.Interface().(protoreflect.Message)
		if !ok || !strings.HasSuffix(string(message.Descriptor().Name()), "Options") {
			return nil
		}
		message.Range(func(field protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
			if field.IsExtension() || otherLanguage.MatchString(string(field.Name())) {
				message.Clear(field)
			}
			return true
		})
		message.SetUnknown(nil)
		if proto.Size(message.Interface()) == 0 {
			values.Index(-2).Value.Message().Clear(step.Step.FieldDescriptor())
		}
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
}

func isOptionsOnly(file string) bool {
	return slices.ContainsFunc(optionsOnly, func(prefix string) bool { return strings.HasPrefix(file, prefix) })
}
