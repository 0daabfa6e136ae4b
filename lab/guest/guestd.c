/*
 * guestd: what the laboratory's VM runs.  It answers on UDP port 7777, one datagram a question:
 *
 *   fill MIB              take so much memory and fill it with what does not compress
 *   dirty MIB MIB_S       write round and round in so much of it, so fast
 *   disk 0|1              write a counter and this boot's id into the first sector, every 20 ms
 *   stat                  boot=ID up=SECONDS dirtied=PAGES written=COUNT stall_ms=LONGEST errors=COUNT
 *
 * A boot id that goes on after a migration or a failover says that it is the same running system; two
 * boot ids in one sector say that the VM ran twice.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, PAGES_A_MIB = 256, PORT = 7777, BOOT_ID = 36, BETWEEN_WRITES_US = 20000 };

static char boot_id[BOOT_ID + 1];
static pthread_mutex_t memory = PTHREAD_MUTEX_INITIALIZER;
static uint8_t *filled;
static size_t filled_pages, dirty_pages;
static double pages_a_second;
static atomic_ullong dirtied, written, disk_errors, stall_ms;
static atomic_int disk_on;

static double now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* xorshift64: pages that are neither zero nor alike */
static uint64_t noise(void)
{
	static uint64_t state = 88172645463325252ULL;
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static void *dirty_for_ever(void *unused)
{
	size_t at = 0;
	double owed = 0, last = now_s();
	(void)unused;
	for (;;) {
		pthread_mutex_lock(&memory);
		double now = now_s(), most = pages_a_second * 0.05 + 1; /* no burst after a pause */
		owed += (now - last) * pages_a_second;
		last = now;
		if (owed > most)
			owed = most;
		for (; owed >= 1 && dirty_pages; owed -= 1, dirtied++) {
			at = (at + 1) % dirty_pages;
			*(volatile uint64_t *)(filled + at * PAGE) = noise();
		}
		pthread_mutex_unlock(&memory);
		usleep(2000);
	}
	return NULL;
}

static void *write_for_ever(void *unused)
{
	uint64_t *sector;
	int disk = -1;
	(void)unused;
	if (posix_memalign((void **)&sector, PAGE, PAGE))
		abort();
	for (;; usleep(BETWEEN_WRITES_US)) {
		if (!disk_on)
			continue;
		if (disk < 0 && (disk = open("/dev/vda", O_RDWR | O_DIRECT | O_DSYNC)) < 0) {
			disk_errors++;
			continue;
		}
		memset(sector, 0, PAGE);
		sector[0] = written + 1;
		memcpy(sector + 1, boot_id, BOOT_ID);
		double began = now_s();
		if (pwrite(disk, sector, PAGE, 0) != PAGE) {
			disk_errors++;
			continue;
		}
		unsigned long long took = (now_s() - began) * 1000;
		if (took > stall_ms)
			stall_ms = took;
		written++;
	}
	return NULL;
}

static void fill(double mib)
{
	pthread_mutex_lock(&memory);
	dirty_pages = 0;
	if (filled)
		munmap(filled, filled_pages * PAGE);
	filled = NULL;
	filled_pages = mib * PAGES_A_MIB;
	if (filled_pages) {
		filled = mmap(NULL, filled_pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (filled == MAP_FAILED)
			abort();
	}
	for (size_t i = 0; i < filled_pages * PAGE / sizeof(uint64_t); i++)
		((uint64_t *)filled)[i] = noise();
	pthread_mutex_unlock(&memory);
}

static void dirty(double mib, double mib_s)
{
	pthread_mutex_lock(&memory);
	size_t wanted = mib * PAGES_A_MIB;
	dirty_pages = wanted < filled_pages ? wanted : filled_pages;
	pages_a_second = mib_s * PAGES_A_MIB;
	pthread_mutex_unlock(&memory);
}

static void answer(const char *question, char *said, size_t room)
{
	double first, second;
	if (sscanf(question, "fill %lf", &first) == 1)
		fill(first);
	else if (sscanf(question, "dirty %lf %lf", &first, &second) == 2)
		dirty(first, second);
	else if (sscanf(question, "disk %lf", &first) == 1) {
		stall_ms = 0;
		disk_on = first > 0;
	}
	snprintf(said, room, "boot=%s up=%.3f dirtied=%llu written=%llu stall_ms=%llu errors=%llu", boot_id,
		 now_s(), dirtied, written, stall_ms, disk_errors);
}

int main(void)
{
	pthread_t thread;
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(PORT)}, there;
	int id = open("/proc/sys/kernel/random/boot_id", O_RDONLY), door = socket(AF_INET, SOCK_DGRAM, 0);
	if (read(id, boot_id, BOOT_ID) != BOOT_ID || bind(door, (struct sockaddr *)&here, sizeof here))
		abort();
	pthread_create(&thread, NULL, dirty_for_ever, NULL);
	pthread_create(&thread, NULL, write_for_ever, NULL);
	for (;;) {
		char question[256], said[512];
		socklen_t size = sizeof there;
		ssize_t length = recvfrom(door, question, sizeof question - 1, 0, (struct sockaddr *)&there, &size);
		if (length < 0)
			continue;
		question[length] = 0;
		answer(question, said, sizeof said);
		sendto(door, said, strlen(said), 0, (struct sockaddr *)&there, size);
	}
}
