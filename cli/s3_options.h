/*
 * s3_options.h - the options that all commands with an S3 store have in common.
 */
#ifndef CLI_S3_OPTIONS_H
#define CLI_S3_OPTIONS_H

#include "host/cmd.h"
#include "server/s3.h"

/* Rows for a command's option table; `o` is a struct srv_s3_options. */
#define S3_OPTION_ROWS(o)                                                                                   \
    {"profile",     0,                                                                                      \
     HOST_OPT_TEXT, &(o).profile,                                                                           \
     "P",           "Profile of ~/.aws/config and ~/.aws/credentials. Default: AWS_PROFILE, else default.", \
     NULL},                                                                                                 \
        {"region",    0,   HOST_OPT_TEXT,                                                                   \
         &(o).region, "R", "Region of the bucket. Default: AWS_REGION, AWS_DEFAULT_REGION, the profile's.", \
         NULL},                                                                                             \
        {"endpoint-url",                                                                                    \
         0,                                                                                                 \
         HOST_OPT_TEXT,                                                                                     \
         &(o).endpoint_url,                                                                                 \
         "URL",                                                                                             \
         "The store, if it is not Amazon's. Default: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL.",               \
         NULL},                                                                                             \
    {                                                                                                       \
        "ca-bundle", 0, HOST_OPT_TEXT, &(o).ca_path, "FILE",                                                \
            "Certificates to trust, PEM. Default: AWS_CA_BUNDLE, else the system's.", NULL                  \
    }

/* What the help texts say of credentials. */
#define S3_CREDENTIALS_HELP                                                                                  \
    "Credentials come from where the AWS tools take them: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and "     \
    "AWS_SESSION_TOKEN, else the profile's in ~/.aws/credentials or ~/.aws/config. A profile that is given " \
    "with --profile goes before the environment. Roles, SSO and instance metadata are not looked at."

#endif
