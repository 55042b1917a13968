// nodemeter_nvml_bind loads the library at path (or by its soname) and points
// every function at it. It returns NULL, or what the loader said.
const char *nodemeter_nvml_bind(const char *path);

// nodemeter_nvml_has reports whether the bound library has a function.
int nodemeter_nvml_has(const char *name);
