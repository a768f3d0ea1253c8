#include "maker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "describe.h"
#include "host/log.h"

#define PAUSE_S 60 /* between looks when nobody wakes the thread; also how often totals are written */

/* --- One patch ------------------------------------------------------------------ */

/* What a job works with. */
struct work {
    struct srv_maker *maker;
    struct srv_patch_job *job;
    struct srv_child_file from, to, out, err;
    char why[200]; /* of a failure */
};

static bool is_stopping(struct srv_maker *m)
{
    pthread_mutex_lock(&m->lock);
    bool stopping = m->stopping;
    pthread_mutex_unlock(&m->lock);
    return stopping;
}

/* Start a child and wait for its end. True if it ended with 0; w->why says what else. */
static bool run_child(struct work *w, char *const argv[])
{
    struct srv_maker *m = w->maker;
    siginfo_t info;
    int status = 0;

    pthread_mutex_lock(&m->lock);
    pid_t pid = m->stopping ? 0
                            : srv_child_start(argv, w->out.fd, w->err.fd, SRV_PATCH_MEMORY_MAX,
                                              SRV_PATCH_SECONDS_MAX);
    m->child = pid > 0 ? pid : 0;
    pthread_mutex_unlock(&m->lock);
    if (pid <= 0) {
        snprintf(w->why, sizeof w->why, "no process: %s", strerror(errno));
        return false;
    }
    /* Its number stays taken until waitpid(), so that srv_maker_stop() kills no other process. */
    while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
    }
    pthread_mutex_lock(&m->lock);
    m->child = 0;
    pthread_mutex_unlock(&m->lock);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return true;
    }
    ssize_t n = pread(w->err.fd, w->why, sizeof w->why - 1, 0);
    w->why[n > 0 ? n : 0] = '\0';
    w->why[strcspn(w->why, "\n")] = '\0';
    if (!w->why[0] && WIFSIGNALED(status)) {
        snprintf(w->why, sizeof w->why, "ended by signal %d", WTERMSIG(status));
    }
    return false;
}

/* An artifact as a file that a child can open. */
static bool open_artifact(struct work *w, const char *sha256, uint32_t size, struct srv_child_file *file)
{
    struct srv_map map;
    if (srv_artifact_map(w->maker->artifacts, sha256, size, 0, size, &map) != SRV_OK) {
        snprintf(w->why, sizeof w->why, "the image %s can't be read", sha256);
        return false;
    }
    int result = srv_child_file(file, map.data, size);
    int error = errno;
    srv_artifact_unmap(&map);
    if (result != 0) {
        snprintf(w->why, sizeof w->why, "no memory file: %s", strerror(error));
    }
    return result == 0;
}

/* The bytes of a child's output: to be unmapped. NULL if there are none. */
static uint8_t *map_output(const struct srv_child_file *file, size_t *len)
{
    struct stat st;
    if (fstat(file->fd, &st) != 0 || st.st_size <= 0 || st.st_size > UINT32_MAX) {
        return NULL;
    }
    *len = (size_t)st.st_size;
    void *data = mmap(NULL, *len, PROT_READ, MAP_SHARED, file->fd, 0);
    return data == MAP_FAILED ? NULL : data;
}

static enum srv_status keep(const struct srv_maker *m, const uint8_t *data, size_t len, char sha256[65])
{
    struct srv_upload upload;
    enum srv_status status = srv_upload_begin(&upload, m->artifacts);
    if (status == SRV_OK) {
        status = srv_upload_write(&upload, data, len);
    }
    if (status == SRV_OK) {
        status = srv_upload_finish(&upload);
    }
    if (status == SRV_OK) {
        strcpy(sha256, upload.sha256_hex);
        status = srv_upload_put(&upload);
    }
    if (status == SRV_OK) {
        status = srv_upload_keep(&upload);
    }
    srv_upload_discard(&upload);
    return status;
}

/* What a command takes for the old image. */
static char *base_of(struct work *w)
{
    static char whole[] = "--whole";
    return w->job->patch.from_sha256[0] ? w->from.path : whole;
}

/* Does applying the patch give the new image? Costs a second; a wrong patch would cost every device its download. */
static bool check(struct work *w, const uint8_t *patch, size_t len)
{
    struct srv_child_file file = {.fd = -1};
    uint8_t *result = NULL;
    size_t result_len = 0;
    struct srv_map map;
    bool same = false;

    srv_child_file_close(&w->out);
    if (srv_child_file(&w->out, NULL, 0) == 0 && srv_child_file(&file, patch, len) == 0) {
        char *argv[] = {"airlift", "delta", "apply", base_of(w), file.path, "-o", "-", NULL};
        if (run_child(w, argv)) {
            result = map_output(&w->out, &result_len);
        }
    }
    const struct srv_patch *p = &w->job->patch;
    if (result && result_len == p->to_size &&
        srv_artifact_map(w->maker->artifacts, p->to_sha256, p->to_size, 0, p->to_size, &map) == SRV_OK) {
        struct srv_blocks blocks;
        same = memcmp(result, map.data, result_len) == 0;
        if (same && srv_describe_blocks(result, result_len, &blocks)) {
            (void)srv_store_put_blocks(w->maker->store, p->to_sha256,
                                       &blocks); /* without, patches serve too */
        }
        srv_artifact_unmap(&map);
    }
    if (!same && !w->why[0]) {
        snprintf(w->why, sizeof w->why, "it does not give the new image");
    }
    if (result) {
        munmap(result, result_len);
    }
    srv_child_file_close(&file);
    return same;
}

/* From the child's output to an artifact and what is known of it. */
static enum srv_patch_state take(struct work *w)
{
    struct srv_patch *p = &w->job->patch;
    size_t len = 0;
    uint8_t *data = map_output(&w->out, &len);
    enum srv_patch_state state = SRV_PATCH_FAILED;

    if (!data || !srv_patch_describe(data, len, p)) {
        snprintf(w->why, sizeof w->why, "what was made is no patch");
    } else if (len >= p->to_size / 10 * 9) {
        p->size = (uint32_t)len;
        state = SRV_PATCH_USELESS;
    } else if (check(w, data, len)) {
        p->size = (uint32_t)len;
        /* First the artifact, then the row (in make()): a cut between them leaves a file that nobody is told of,
         * and making the patch again gives the same name. */
        if (keep(w->maker, data, len, p->sha256) == SRV_OK) {
            state = SRV_PATCH_MADE;
        } else {
            snprintf(w->why, sizeof w->why, "it could not be stored");
        }
    }
    if (data) {
        munmap(data, len);
    }
    return state;
}

static enum srv_patch_state make_patch(struct work *w)
{
    const struct srv_patch *p = &w->job->patch;
    /* An option of `airlift delta make` and its value. */
    static char *const option[SRV_PATCH_KINDS][2] = {
        [SRV_PATCH_OWN] = {"--ram", "20K"},
        [SRV_PATCH_SMALL] = {"--ram", "12K"},
        [SRV_PATCH_ESP] = {"--format", "esp_delta_ota"},
    };
    char *argv[] = {"airlift",          "delta", "make", base_of(w), w->to.path, option[p->kind][0],
                    option[p->kind][1], "-o",    "-",    NULL};

    w->from.fd = w->to.fd = w->out.fd = w->err.fd = -1;
    enum srv_patch_state state = SRV_PATCH_FAILED;
    if ((!p->from_sha256[0] ? srv_child_file(&w->from, NULL, 0) == 0
                            : open_artifact(w, p->from_sha256, p->from_size, &w->from)) &&
        open_artifact(w, p->to_sha256, p->to_size, &w->to) && srv_child_file(&w->out, NULL, 0) == 0 &&
        srv_child_file(&w->err, NULL, 0) == 0 && run_child(w, argv)) {
        state = take(w);
    }
    srv_child_file_close(&w->from);
    srv_child_file_close(&w->to);
    srv_child_file_close(&w->out);
    srv_child_file_close(&w->err);
    return state;
}

/* --- The thread ---------------------------------------------------------------------- */

static void count(struct srv_metrics *m, enum srv_patch_state state, unsigned long long ms)
{
    atomic_fetch_add(state == SRV_PATCH_MADE      ? &m->patches_made
                     : state == SRV_PATCH_USELESS ? &m->patches_useless
                                                  : &m->patches_failed,
                     1);
    atomic_fetch_add(&m->patch_ms, ms);
}

static unsigned long long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (unsigned long long)t.tv_sec * 1000 + (unsigned long long)t.tv_nsec / 1000000;
}

/* Make what is missing next. False if nothing is, or the store fails. */
static bool make_next(struct srv_maker *m)
{
    static const char *const event[] = {"patch_made", "patch_useless", "patch_failed"};
    struct srv_patch_job job;
    if (srv_store_missing_patch(m->store, m->n_from, &job) != SRV_OK) {
        atomic_store(&m->metrics->patches_missing, 0);
        return false;
    }
    atomic_store(&m->metrics->patches_missing, job.n_missing);

    struct work w = {.maker = m, .job = &job};
    unsigned long long start = now_ms();
    enum srv_patch_state state = make_patch(&w);
    unsigned long long ms = now_ms() - start;
    if (state == SRV_PATCH_FAILED && is_stopping(m)) {
        return false; /* not its fault */
    }
    char size[16], took[24];
    snprintf(size, sizeof size, "%u", job.patch.size);
    snprintf(took, sizeof took, "%llu", ms);
    host_log(state == SRV_PATCH_FAILED ? HOST_LOG_ERROR : HOST_LOG_INFO, event[state], "product", job.product,
             "from", job.from_version[0] ? job.from_version : "any", "to", job.to_version, "format",
             job.patch.format[0] ? job.patch.format : NULL, "bytes", size, "ms", took, "reason",
             state == SRV_PATCH_FAILED ? w.why : NULL, NULL);
    count(m->metrics, state, ms);
    return srv_store_put_patch(m->store, &job.patch, state) == SRV_OK;
}

static void *maker_thread(void *ctx)
{
    struct srv_maker *m = ctx;
    (void)srv_store_retry_patches(m->store);
    while (!is_stopping(m)) {
        while (!is_stopping(m) && make_next(m)) {
        }
        (void)srv_metrics_save(m->metrics, m->store);
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += PAUSE_S;
        pthread_mutex_lock(&m->lock);
        int result = 0;
        while (!m->stopping && !m->woken && result == 0) {
            result = pthread_cond_timedwait(&m->wake, &m->lock, &until);
        }
        m->woken = false;
        pthread_mutex_unlock(&m->lock);
    }
    return NULL;
}

int srv_maker_start(struct srv_maker *m)
{
    pthread_condattr_t monotonic;
    m->stopping = m->woken = false;
    m->child = 0;
    pthread_mutex_init(&m->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&m->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    int error = pthread_create(&m->thread, NULL, maker_thread, m);
    m->running = error == 0;
    return error;
}

void srv_maker_wake(struct srv_maker *m)
{
    if (m->running) {
        pthread_mutex_lock(&m->lock);
        m->woken = true;
        pthread_cond_signal(&m->wake);
        pthread_mutex_unlock(&m->lock);
    }
}

void srv_maker_stop(struct srv_maker *m)
{
    if (!m->running) {
        return;
    }
    pthread_mutex_lock(&m->lock);
    m->stopping = true;
    if (m->child > 0) {
        (void)kill(m->child, SIGKILL);
    }
    pthread_cond_signal(&m->wake);
    pthread_mutex_unlock(&m->lock);
    pthread_join(m->thread, NULL);
    m->running = false;
    (void)srv_metrics_save(m->metrics, m->store);
    pthread_cond_destroy(&m->wake);
    pthread_mutex_destroy(&m->lock);
}
