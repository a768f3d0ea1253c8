# Headers of ESP-IDF that the virtual device has nothing behind. Including one stops the compiler
# with a sentence, where a missing file would leave the reader to guess.

set(AIRLIFT_UNSUPPORTED_HEADERS
    driver/adc.h driver/dac.h driver/gptimer.h driver/i2c.h driver/i2c_master.h driver/i2s.h
    driver/i2s_std.h driver/ledc.h driver/mcpwm_prelude.h driver/pulse_cnt.h driver/rmt_tx.h
    driver/sdmmc_host.h driver/sdspi_host.h driver/spi_common.h driver/spi_master.h
    driver/temperature_sensor.h driver/touch_pad.h driver/twai.h driver/uart.h
    esp_adc/adc_continuous.h esp_adc/adc_oneshot.h esp_bt.h esp_bt_device.h esp_bt_main.h
    esp_camera.h esp_console.h esp_eth_mac_spi.h esp_event_loop.h esp_gap_ble_api.h esp_gap_bt_api.h
    esp_gatt_common_api.h esp_gattc_api.h esp_gatts_api.h esp_https_server.h
    esp_ieee802154.h esp_lcd_panel_ops.h esp_local_ctrl.h esp_mesh.h esp_modem_api.h
    esp_nimble_hci.h esp_now.h esp_openthread.h esp_psram.h esp_smartconfig.h esp_spiffs.h esp_vfs_fat.h esp_websocket_client.h esp_wps.h
    host/ble_hs.h linenoise/linenoise.h nimble/nimble_port.h protocomm.h
    sdmmc_cmd.h soc/rtc.h tcpip_adapter.h ulp.h wifi_provisioning/manager.h)

# Behind all other include directories, so that a header that exists is found first.
function(__airlift_write_unsupported dir)
    foreach(header ${AIRLIFT_UNSUPPORTED_HEADERS})
        file(CONFIGURE OUTPUT "${dir}/${header}" @ONLY CONTENT
            "#error \"@header@ is not supported on the virtual device; keep it out with #if !CONFIG_IDF_TARGET_LINUX\"\n")
    endforeach()
endfunction()
