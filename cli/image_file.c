#include "image_file.h"

#include "host/cmd.h"

int image_file_check(const char *path, const struct host_buf *image, struct al_image_info *info,
                     struct al_sig_check *signature)
{
    const struct al_image_rules any_chip = {.signature = signature};
    struct al_image_check check;
    if (al_image_check_begin(&check, &any_chip) != 0) {
        return host_fail("%s: the hash could not be started", path);
    }
    int error = al_image_check_feed(&check, image->data, image->len);
    if (error != 0) {
        al_image_check_abort(&check);
    } else {
        error = al_image_check_end(&check, NULL);
    }
    if (error == AL_ERR_SIGNATURE) {
        error = 0; /* the caller judges that */
    }
    if (info) {
        *info = check.info;
    }
    if (error == AL_ERR_CRYPTO) {
        return host_fail("%s: the hash failed", path);
    }
    return error == 0
               ? 0
               : host_fail("%s: not a whole, intact app image: %s", path, al_image_fault_text(check.fault));
}
