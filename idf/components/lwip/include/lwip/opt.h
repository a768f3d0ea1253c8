/* opt.h - lwIP's build options: programs include it and use none of them. */
#pragma once
