// Binds the few C library symbols that got a new version after glibc 2.28 to
// the version they had before, so that a program linked on a newer system
// starts on RHEL 8: link with --wrap=NAME for each name here. What moved into
// libc.so.6 in 2.34 is in libpthread, libdl and libresolv before, so these are
// linked too (see release.sh, which also checks the outcome).
#if defined(__x86_64__)
#define FIRST GLIBC_2.2.5
#define JUMP(name) jmp name@PLT
#define V2_3_3 GLIBC_2.3.3
#elif defined(__aarch64__)
#define FIRST GLIBC_2.17
#define JUMP(name) b name
#define V2_3_3 GLIBC_2.17
#else
#error "the versions of this architecture are not known here"
#endif

#define OLD_AS(name, was, version) \
	.symver old_##name, was@version; \
	.globl __wrap_##name; \
	.type __wrap_##name, %function; \
	__wrap_##name: JUMP(old_##name)
#define OLD(name, version) OLD_AS(name, name, version)

	.text
	OLD(__libc_start_main, FIRST)
	OLD(dlclose, FIRST)
	OLD(dlerror, FIRST)
	OLD(dlinfo, V2_3_3)
	OLD(dlopen, FIRST)
	OLD(dlsym, FIRST)
	OLD(pthread_attr_getstack, FIRST)
	OLD(pthread_attr_getstacksize, FIRST)
	OLD(pthread_create, FIRST)
	OLD(pthread_getattr_np, FIRST)
	OLD(pthread_key_create, FIRST)
	OLD(pthread_setspecific, FIRST)
	OLD(pthread_sigmask, FIRST)
	OLD_AS(res_search, __res_search, FIRST)
	.section .note.GNU-stack, "", %progbits
