/*
 * tests/fuzz/replay.c - a main() for the fuzz targets without a fuzzer: feeds each file named on
 * the command line, and each file in a folder named there, to LLVMFuzzerTestOneInput().
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A block of exactly the file's size, so that the sanitizers see a read past its end. */
static uint8_t *read_file(const char *path, size_t *ret_size)
{
	struct stat st;
	FILE *file = fopen(path, "rb");
	uint8_t *bytes = NULL;

	if (file != NULL && fstat(fileno(file), &st) == 0 && S_ISREG(st.st_mode)) {
		*ret_size = (size_t)st.st_size;
		bytes = malloc(*ret_size > 0 ? *ret_size : 1);
		if (bytes != NULL && fread(bytes, 1, *ret_size, file) != *ret_size) {
			free(bytes);
			bytes = NULL;
		}
	}
	if (file != NULL)
		fclose(file);
	return bytes;
}

static int replay_file(const char *path)
{
	size_t size = 0;
	uint8_t *bytes = read_file(path, &size);

	if (bytes == NULL) {
		perror(path);
		return 1;
	}
	/* A crash leaves this line as the last one: it names the input. */
	printf("# %s\n", path);
	fflush(stdout);
	LLVMFuzzerTestOneInput(bytes, size);
	free(bytes);
	return 0;
}

static int replay_folder(const char *path)
{
	struct dirent **entry = NULL;
	int count = scandir(path, &entry, NULL, alphasort);
	int failed = 0;

	if (count < 0) {
		perror(path);
		return 1;
	}
	for (int i = 0; i < count; i++) {
		char file[4096];

		snprintf(file, sizeof(file), "%s/%s", path, entry[i]->d_name);
		if (entry[i]->d_name[0] != '.')
			failed |= replay_file(file);
		free(entry[i]);
	}
	free(entry);
	return failed;
}

int main(int argc, char **argv)
{
	int failed = 0;

	for (int i = 1; i < argc; i++) {
		struct stat st;
		bool folder = stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode);

		failed |= folder ? replay_folder(argv[i]) : replay_file(argv[i]);
	}
	return failed;
}
